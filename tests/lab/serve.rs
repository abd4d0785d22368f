//! The service beside a real PBX: a campaign that is a draft, is started, and is delivered.

use std::{fs, sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench,
    campaigns::program::Program,
    check,
    network::wait_for,
    subscribers::{PATIENCE, delivered},
};

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let bench = Arc::clone(bench);
    vec![Trial::test(
        "serve::a_draft_is_dialled_once_it_is_started_and_delivered",
        move || bench.shared(|| started_and_delivered(&bench)),
    )]
}

fn started_and_delivered(bench: &Bench) -> Result<(), Failed> {
    let lab = bench.lab();
    let folder = lab.folder().join("served");
    let program = Program::new(lab, "served")
        .with("INSTANCE", "served")
        .with("STATE_DIR", folder.display().to_string())
        .with("STORE__URL", "sqlite:served.db")
        .with("SERVE__LISTEN", "127.0.0.1:0");
    let mut service = program.serve()?;
    wait_for(PATIENCE, || {
        check!(
            service.said().contains("listening on http://127.0.0.1:"),
            "{}",
            service.said()
        );
        Ok(())
    })?;

    let (draft, other) = (lab.number("0101"), lab.number("0101"));
    for (name, number) in [("draft", &draft), ("other", &other)] {
        let list = lab.folder().join(format!("served-{name}.csv"));
        fs::write(&list, format!("phone\n{}\n", number.e164()))?;
        program.create(name, &bench.message().name, &[], &list)?;
    }
    // The service has read what was created before it dials what was started after that.
    program.ask(&["campaign", "start", "other"])?;
    until_complete(&program, "other")?;
    check!(delivered(bench, &other)?.is_whole());
    check!(lab.calls(&draft)?.is_empty(), "nobody has started it");

    program.ask(&["campaign", "start", "draft"])?;
    until_complete(&program, "draft")?;
    let found = delivered(bench, &draft)?;
    check!(found.is_whole(), "{found}");
    check!(lab.times_called(&draft)? == 2);
    check!(service.ended()?.is_none(), "{}", service.said());
    service.signal("-TERM")?;
    service.finish(Duration::from_secs(30)).map(drop)
}

fn until_complete(program: &Program<'_>, campaign: &str) -> Result<(), Failed> {
    wait_for(PATIENCE, || {
        let state = program.ask(&["campaign", "status", campaign])?;
        check!(state.contains(&format!("{campaign}: complete")), "{state}");
        Ok(())
    })
}
