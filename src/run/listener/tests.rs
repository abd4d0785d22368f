use super::*;
use crate::{
    screen::{At, Beep, Reasons},
    words::ReadyBy,
};

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
    let (by, at) = (ReadyBy::Silence, At(800));
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
        (Heard::Ready { by, at }, Some(Event::Ready(leg, by))),
        (Heard::LateBeep(beep), Some(Event::LateBeep(leg))),
        (Heard::LimitBeep(beep), Some(Event::LimitBeep(leg))),
        (
            Heard::Voice { start, at },
            Some(screened(
                Verdict::Human,
                "a voice answered the message at 1.00 s",
            )),
        ),
        (Heard::Beep(beep), None),
        (Heard::SpeechBegan { start }, None),
        (Heard::SpeechEnded { end: at }, None),
    ];
    for (heard, event) in rows {
        assert_eq!(meaning(leg, &heard), event, "{heard:?}");
    }
}
