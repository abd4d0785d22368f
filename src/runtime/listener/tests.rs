use super::*;
use crate::screen::Reasons;

#[test]
fn what_is_heard_means_what_the_drop_can_act_on() {
    let leg = Leg::Drop;
    let verdict = |verdict, sit| Heard::Verdict {
        verdict,
        sit,
        revised: false,
        at: At(800),
        reasons: Reasons::default(),
    };
    let announced = |sit| Event::Intercepted {
        leg,
        sit,
        cause: String::new(),
    };
    let screened = |verdict, cause: &str| Event::Screened {
        leg,
        verdict,
        cause: cause.to_owned(),
    };
    let beep = Beep {
        start: At(0),
        end: At(3_200),
        hz: 1_004.0,
        second_hz: None,
        sweep: 0.0,
    };
    let at = At(800);
    let beeped = ago(beep, At(4_000));
    let told = Beeped {
        hz: 1_004,
        began: Duration::from_millis(500),
        ended: Duration::from_millis(100),
    };
    assert_eq!(beeped, told);
    let ready = |by| Heard::Ready { by, at };
    let start = At(8_000);
    let rows = [
        (
            verdict(Verdict::Machine, None),
            Some(screened(Verdict::Machine, "")),
        ),
        (
            verdict(Verdict::Fax, None),
            Some(screened(Verdict::Fax, "")),
        ),
        (
            verdict(Verdict::Sit, Some(SitClass::Vacant)),
            Some(announced(Sit::Invalid)),
        ),
        (
            verdict(Verdict::Sit, Some(SitClass::Intercept)),
            Some(announced(Sit::Invalid)),
        ),
        (
            verdict(Verdict::Sit, Some(SitClass::Reorder)),
            Some(announced(Sit::Congestion)),
        ),
        (
            verdict(Verdict::Sit, Some(SitClass::NoCircuit)),
            Some(announced(Sit::Congestion)),
        ),
        (
            verdict(Verdict::Sit, Some(SitClass::Other)),
            Some(announced(Sit::Other)),
        ),
        (verdict(Verdict::Sit, None), Some(announced(Sit::Other))),
        (
            ready(ReadyBy::Beep),
            Some(Event::Ready(leg, ReadyPoint::Beep(beeped))),
        ),
        (
            ready(ReadyBy::Silence),
            Some(Event::Ready(leg, ReadyPoint::Silence)),
        ),
        (Heard::LateBeep(beep), Some(Event::LateBeep(leg))),
        (Heard::LimitBeep(beep), Some(Event::LimitBeep(leg))),
        (
            Heard::BeepWasRing {
                first: beep,
                again: beep,
            },
            Some(Event::BeepWasRing(leg)),
        ),
        (
            Heard::Voice {
                start,
                at,
                answers: false,
            },
            Some(Event::Interrupted(leg)),
        ),
        (
            Heard::Voice {
                start,
                at,
                answers: true,
            },
            None,
        ),
        (Heard::Beep(beep), None),
        (Heard::SpeechBegan { start }, None),
        (Heard::SpeechEnded { end: at }, None),
    ];
    for (heard, event) in rows {
        assert_eq!(meaning(leg, &heard, Some(beeped)), event, "{heard:?}");
    }
    // A beep that was not reported proves nothing.
    let unheard = meaning(leg, &ready(ReadyBy::Beep), None);
    assert_eq!(unheard, Some(Event::Ready(leg, ReadyPoint::Silence)));
}
