use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;

use super::*;
use crate::{campaign::engine::CampaignId, orders::ResumedUpload, store::AuditEntry};

#[test]
fn a_list_is_there_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::below(folder.path());
    let mut incoming = spool.begin("a", &order(UploadCoding::Plain)).unwrap();
    incoming.write(b"phone\n").unwrap();
    assert_eq!(names(folder.path()), ["a.part"]);
    drop(incoming);
    assert_eq!(names(folder.path()), [""; 0]);

    let mut incoming = spool.begin("a", &order(UploadCoding::Plain)).unwrap();
    incoming.write(b"phone\n").unwrap();
    let whole = incoming.finish().unwrap();
    assert_eq!(
        (whole.size, &whole.digest[..8]),
        (6, &hex(&sha(b"phone\n"))[..8])
    );
    spool.keep(incoming, "a").unwrap();
    assert_eq!(names(folder.path()), ["a.list"]);
    assert_eq!(spool.lists(), ["a"]);
    // One works on it, and when that has ended another may.
    let taken = spool.take("a").unwrap();
    assert!(spool.take("a").is_none());
    drop(taken);
    assert!(spool.take("a").is_some());
    fs::write(spool.rejects("a"), "rejected_line\n").unwrap();
    assert_eq!(
        (spool.rejected(), spool.lists()),
        (vec!["a".to_owned()], vec!["a".to_owned()])
    );
    spool.remove("a");
    assert!(spool.take("a").is_none() && spool.rejected().is_empty());
}

#[test]
fn what_a_process_that_is_gone_has_left_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::below(folder.path());
    let alive = spool.begin("alive", &order(UploadCoding::Plain)).unwrap();
    for name in ["dead.part", "dead.coded", "b.list"] {
        fs::write(folder.path().join("uploads").join(name), "phone").unwrap();
    }
    let now = crate::clock::wall();
    spool.sweep(now);
    assert_eq!(names(folder.path()), ["alive.part", "b.list", "dead.part"]);
    // It may be gone on with for a day.
    spool.sweep(now + PARTS_KEPT_FOR + Duration::from_secs(60));
    assert_eq!(names(folder.path()), ["alive.part", "b.list"]);
    drop(alive);
}

#[test]
fn what_is_coded_is_decoded_and_a_part_of_it_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::below(folder.path());
    let list = "phone,name\n+12025550101,Ann\n".repeat(5_000);
    let coded = gzip(list.as_bytes());
    // In parts of any size.
    for size in [1, 7, 4_096, coded.len()] {
        let mut incoming = spool
            .begin(
                "a",
                &UploadOrder {
                    sha256: Some(sha(&coded)),
                    ..order(UploadCoding::Gzip)
                },
            )
            .unwrap();
        for part in coded.chunks(size) {
            incoming.write(part).unwrap();
        }
        let whole = incoming.finish().unwrap();
        assert_eq!(whole.digest, hex(&sha(list.as_bytes())));
        assert_eq!(whole.size, list.len() as u64);
    }
    let mut incoming = spool.begin("a", &order(UploadCoding::Gzip)).unwrap();
    incoming.write(&coded[..coded.len() - 3]).unwrap();
    let refused = incoming.finish();
    assert!(matches!(refused, Err(UploadRefusal::NotCoded { .. })));
    drop(incoming);
    let mut incoming = spool.begin("a", &order(UploadCoding::Gzip)).unwrap();
    let refused = incoming.write(b"phone,name\n").err();
    let refused = refused.or_else(|| incoming.finish().err());
    assert!(matches!(refused, Some(UploadRefusal::NotCoded { .. })));
    drop(incoming);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn what_is_too_much_is_refused_before_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::below(folder.path());
    let bomb = gzip(&vec![b'0'; 50 << 20]);
    let mut incoming = spool.begin("a", &order(UploadCoding::Gzip)).unwrap();
    let refused = incoming.write(&bomb);
    assert!(matches!(refused, Err(UploadRefusal::Ratio(100))));
    assert!(incoming.bytes() <= 100 * bomb.len() as u64 + RATIO_FROM);
    let small = UploadOrder {
        most_bytes: 10,
        ..order(UploadCoding::Plain)
    };
    let mut incoming = spool.begin("b", &small).unwrap();
    incoming.write(b"0123456789").unwrap();
    let refused = incoming.write(b"0");
    assert!(matches!(refused, Err(UploadRefusal::TooLong(10))));
}

#[test]
fn what_was_cut_off_is_gone_on_with_where_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::below(folder.path());
    let mut incoming = spool.begin("a", &order(UploadCoding::Plain)).unwrap();
    incoming.write(b"phone\n+1202").unwrap();
    incoming.leave();
    assert_eq!(spool.received("a"), Some(11));
    let at = |offset| UploadOrder {
        resumed: Some(ResumedUpload {
            id: "a".to_owned(),
            offset,
        }),
        ..order(UploadCoding::Plain)
    };
    let elsewhere = spool.begin("a", &at(7)).err();
    assert!(matches!(
        elsewhere,
        Some(UploadRefusal::OtherOffset(Some(11)))
    ));
    let nothing = spool.begin("b", &at(0)).err();
    assert!(matches!(nothing, Some(UploadRefusal::OtherOffset(None))));
    let mut incoming = spool.begin("a", &at(11)).unwrap();
    assert!(matches!(
        spool.begin("a", &at(11)).err(),
        Some(UploadRefusal::TooMany(1))
    ));
    incoming.write(b"5550101\n").unwrap();
    let whole = incoming.finish().unwrap();
    let wanted = sha(b"phone\n+12025550101\n");
    assert_eq!((whole.size, whole.digest), (19, hex(&wanted)));
    drop(incoming);
    // What was decoded on its way is not.
    let mut coded = spool.begin("c", &order(UploadCoding::Gzip)).unwrap();
    coded.write(&gzip(b"phone\n")[..8]).unwrap();
    coded.leave();
    assert_eq!(
        (spool.received("c"), names(folder.path())),
        (None, Vec::new())
    );
}

#[test]
fn another_digest_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::below(folder.path());
    let order = UploadOrder {
        sha256: Some(sha(b"phone\n")),
        ..order(UploadCoding::Plain)
    };
    let mut incoming = spool.begin("a", &order).unwrap();
    incoming.write(b"phone").unwrap();
    assert!(matches!(incoming.finish(), Err(UploadRefusal::WrongDigest)));
}

fn order(coding: UploadCoding) -> UploadOrder {
    UploadOrder {
        campaign: CampaignId(1),
        name: "leads.csv".to_owned(),
        mapping: Vec::new(),
        dates: None,
        is_dry_run: false,
        is_kept: false,
        from: None,
        coding,
        form: ListForm::Csv,
        resumed: None,
        announced: None,
        sha256: None,
        most_bytes: 100 << 20,
        who: "token:a".to_owned(),
        audit: AuditEntry {
            at: Timestamp::UNIX_EPOCH,
            who: "token:a".to_owned(),
            via: "api",
            ip: None,
            request_id: None,
            action: "import.add".to_owned(),
            object: "spring".to_owned(),
            before: None,
            after: None,
        },
    }
}

#[test]
fn files_that_hold_a_number_are_found_however_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::below(folder.path());
    assert!(spool.holding(&[]).is_empty());
    fs::create_dir(folder.path().join("uploads")).unwrap();
    let number = PhoneNumber::from_digits(12_025_550_101).unwrap();
    for (name, text, holds) in [
        ("a.list", "phone\n+12025550101\n", true),
        ("b.rejects.csv", "phone\n\"(202) 555-0101\",no\n", true),
        ("c.part", "x,1.202.555.0101", true),
        ("d.list", "phone\n+12025550102\n", false),
        ("e.list", "+120255\n50101", false),
        ("f.list", "202,555,0101", false),
    ] {
        let path = folder.path().join("uploads").join(name);
        fs::write(&path, text).unwrap();
        let found = spool.holding(std::slice::from_ref(&number));
        assert_eq!(found.contains(&path), holds, "{name}");
    }
}

fn sha(bytes: &[u8]) -> [u8; 32] {
    let mut digest = RunningDigest::default();
    digest.update(bytes);
    digest.finish()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("uploads")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
