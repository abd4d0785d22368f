//! The subject: the program's own driver, used as the program uses it, logging included.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use aftertone::{
    clock,
    config::Config,
    drop::Plan,
    id::DropId,
    phone::PhoneNumber,
    runtime::{self, CallSpec, DriverError, DropUpdate, Session},
    telemetry,
};
use anyhow::{Result, anyhow};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{LEAD, Load, child, fake::Settings};

/// Opens a session, waits for the word, makes the drops, ends when the last has.
pub(crate) async fn run(url: &str, load: Load, technique: &str) -> Result<()> {
    telemetry::init();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("aftertone.toml");
    fs::write(&file, configuration(url, technique))?;
    // It holds a password.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    let config = Config::load(Some(&file))?;
    let session = Session::open(&config, None).await?;
    println!("ready");
    child::told().await?;

    let start = Instant::now();
    let mut ends = JoinSet::new();
    for nth in 0..load.drops {
        sleep_until(start + load.begin(nth)).await;
        let number = PhoneNumber::parse(&Load::number(nth), config.pbx.rules)?;
        let spec = CallSpec::new(
            DropId::generate(),
            number,
            runtime::plan(&config, Some(Duration::from_millis(200))),
            "sound:/bench/message".into(),
            clock::now() + Plan::DIAL_WITHIN,
        );
        let mut news = session.start(spec, None).await;
        ends.spawn(async move {
            while let Some(heard) = news.recv().await {
                if let DropUpdate::Ended(report) = heard {
                    return Some(report.outcome);
                }
            }
            None
        });
    }
    while ends.join_next().await.is_some() {}
    println!("done");
    child::told().await?;
    session
        .close()
        .await
        .map_err(|DriverError::Replaced| anyhow!("another program took the app name"))
}

fn configuration(url: &str, technique: &str) -> String {
    let settings = Settings::default();
    format!(
        "state_dir = \"state\"\n\
         [pbx]\nurl = \"{url}\"\nusername = \"{}\"\npassword = \"{}\"\nendpoint = \"PJSIP/{{number}}@carrier\"\n\
         caller_id = \"+12025550100\"\nsounds_dir = \"sounds\"\npbx_sounds_dir = \"/bench\"\n\
         [screen]\nmode = \"dialplan\"\n\
         [drop]\ntechnique = \"{technique}\"\nlead = \"{}ms\"\n",
        settings.user,
        settings.password,
        LEAD.as_millis()
    )
}
