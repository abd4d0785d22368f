//! The program dies while it has an agent's call, in each phase: the call ends, and the next program settles the drop and makes no
//! second one.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench,
    agents::{Call, program, serving, serving_api},
    check,
    network::{Recording, wait_for},
    recording::peak,
    subscribers::PATIENCE,
};

/// A moment in which it dies.
#[derive(Clone, Copy)]
struct Death {
    name: &'static str,
    /// Of eight characters; if it begins with `once`, the agent says that the beep has gone.
    app: &'static str,
    subscriber: &'static str,
    mode: &'static str,
    /// What the carrier has to have seen before the agent hands the call over.
    handed_over_at: &'static str,
    when: fn(&Call<'_>) -> Result<(), Failed>,
    /// How long the PBX may take to end the call.
    left_for: Duration,
}

/// Our end of the audio is gone, and so is the app.
const SOON: Duration = Duration::from_secs(3);

/// What the dialplan or a playback of the PBX is in the midst of comes to its end first.
const IN_THE_END: Duration = Duration::from_secs(40);

const DEATHS: [Death; 6] = [
    Death {
        name: "while_it_listens",
        app: "agentlis",
        subscriber: "0104",
        mode: "listen",
        handed_over_at: "answer",
        when: |call| is_at(call, "aftertone-listen"),
        left_for: SOON,
    },
    Death {
        name: "while_it_speaks",
        app: "agentspe",
        subscriber: "0104",
        mode: "listen",
        handed_over_at: "answer",
        when: is_spoken_to,
        left_for: SOON,
    },
    Death {
        name: "while_it_speaks_behind_the_beep",
        app: "oncekill",
        subscriber: "0116",
        mode: "listen",
        handed_over_at: "ready",
        when: is_spoken_to,
        left_for: SOON,
    },
    Death {
        name: "while_the_dialplan_waits_for_silence",
        app: "agentsil",
        subscriber: "0104",
        mode: "dialplan",
        handed_over_at: "answer",
        when: |call| is_at(call, "aftertone-screen"),
        left_for: IN_THE_END,
    },
    Death {
        name: "while_the_pbx_plays",
        app: "agentpbx",
        subscriber: "0104",
        mode: "dialplan",
        handed_over_at: "answer",
        when: is_spoken_to,
        left_for: IN_THE_END,
    },
    Death {
        name: "while_the_pbx_plays_behind_the_beep",
        app: "oncepbxk",
        subscriber: "0116",
        mode: "dialplan",
        handed_over_at: "ready",
        when: is_spoken_to,
        left_for: IN_THE_END,
    },
];

pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    let trial = |death: Death| {
        let bench = Arc::clone(bench);
        let name = format!(
            "agent_deaths::killed_{}_the_call_ends_and_is_lost",
            death.name
        );
        Trial::test(name, move || bench.shared(|| death.is_survived(&bench)))
    };
    DEATHS.into_iter().map(trial).collect()
}

impl Death {
    fn is_survived(self, bench: &Bench) -> Result<(), Failed> {
        let lab = bench.lab();
        let program = program(lab, self.app).with("SCREEN__MODE", self.mode);
        let mut service = serving(&program, lab, self.app)?;
        let call = Call::made(lab, self.app, self.subscriber)?;
        call.until(self.handed_over_at)?;
        call.hand_over(&bench.message().name)?;
        (self.when)(&call)?;
        service.kill()?;
        call.until_gone(self.left_for)?;
        let (service, api) = serving_api(&program, lab, self.app)?;
        let ended = call.ended(&api)?;
        check!(ended["outcome"] == "lost", "{ended:#}");
        check!(ended["technique"] == "adopted", "{ended:#}");
        check!(lab.times_called(&call.number)? == 1);
        service.stop()
    }
}

fn is_at(call: &Call<'_>, context: &str) -> Result<(), Failed> {
    wait_for(PATIENCE, || {
        let far = call.far_end()?;
        check!(far["dialplan"]["context"] == context, "{far:#}");
        Ok(())
    })
}

/// The mailbox has some of the message.
fn is_spoken_to(call: &Call<'_>) -> Result<(), Failed> {
    wait_for(PATIENCE, || {
        let recorded = call.lab.recordings(&call.number, Recording::Mailbox)?;
        let is_loud = recorded.last().is_some_and(|last| peak(last) > 0.1);
        check!(is_loud, "nothing is recorded yet");
        Ok(())
    })
}
