//! Users, the links by which they set their passwords, and their sessions.

use std::sync::Arc;

use aftertone::{
    auth::{KeptSession, KeptUser, LINK_LASTS, PasswordDigest, Role, Secret, UserName},
    store::{AuditEntry, AuditState, UserChange},
};
use jiff::{SignedDuration, Timestamp};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::Fixture,
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        a_link_sets_one_password_once,
        a_link_is_over_in_time_and_with_its_user,
        sessions_end_with_what_they_were_begun_for,
        a_session_that_is_over_is_forgotten,
        what_is_kept_of_users_holds_no_secret,
        a_pin_finds_its_user_and_rests_if_it_is_wrong_too_often,
        of_many_tries_at_once_no_more_than_five_are_looked_at,
    )
}

async fn a_link_sets_one_password_once(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, now) = (&fixture.store, fixture.at(1));
    let link = secret(1);
    let user = user("ann", now);
    store
        .audited(entry(now))
        .add_user(&user, &link.digest())
        .await
        .unwrap();
    store
        .add_user(&user, &secret(2).digest())
        .await
        .unwrap_err();
    assert_eq!(store.user(&user.name).await.unwrap(), Some(user.clone()));
    let of_link = store.user_of_link(&link.digest(), now).await.unwrap();
    assert_eq!(of_link, Some(user.clone()));
    assert_eq!(
        store.user_of_link(&secret(2).digest(), now).await.unwrap(),
        None
    );

    // Of many at once, one sets it.
    let digest = link.digest();
    let set = (0..8).map(|n| {
        let digest = &digest;
        async move {
            let password = PasswordDigest::stored(format!("digest {n}"));
            store.set_password(digest, &password, now).await.unwrap()
        }
    });
    let set = futures::future::join_all(set).await;
    assert_eq!(set.iter().filter(|set| **set).count(), 1, "{set:?}");
    let kept = store.user(&user.name).await.unwrap().unwrap();
    let winner = set.iter().position(|set| *set).unwrap();
    assert_eq!(kept.password.unwrap().as_str(), format!("digest {winner}"));
    assert_eq!((kept.password_at, kept.link_until), (Some(now), None));
    assert_eq!(store.verify_audit().await.unwrap(), AuditState::Whole(1));
}

async fn a_link_is_over_in_time_and_with_its_user(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, now) = (&fixture.store, fixture.at(1));
    let (link, name) = (secret(1), UserName::parse("ann").unwrap());
    store
        .add_user(&user("ann", now), &link.digest())
        .await
        .unwrap();
    let password = PasswordDigest::stored("digest".to_owned());
    let later = now + LINK_LASTS;
    assert!(
        !store
            .set_password(&link.digest(), &password, later)
            .await
            .unwrap()
    );
    // Another link is good, and the one before is not.
    let other = secret(2);
    let change = UserChange::Link {
        digest: other.digest(),
        until: later + LINK_LASTS,
    };
    assert!(store.change_user(&name, &change).await.unwrap());
    assert!(
        !store
            .set_password(&link.digest(), &password, now)
            .await
            .unwrap()
    );
    // Who is disabled has none, and gets none back.
    assert!(
        store
            .change_user(&name, &UserChange::Disabled(now))
            .await
            .unwrap()
    );
    assert!(
        store
            .change_user(&name, &UserChange::Enabled)
            .await
            .unwrap()
    );
    assert!(
        !store
            .set_password(&other.digest(), &password, now)
            .await
            .unwrap()
    );
    let nobody = UserName::parse("nobody").unwrap();
    assert!(
        !store
            .change_user(&nobody, &UserChange::Enabled)
            .await
            .unwrap()
    );
}

async fn sessions_end_with_what_they_were_begun_for(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, now) = (&fixture.store, fixture.at(1));
    for name in ["ann", "bob"] {
        let link = secret(if name == "ann" { 1 } else { 2 });
        store
            .add_user(&user(name, now), &link.digest())
            .await
            .unwrap();
    }
    let (ann, bob) = (
        UserName::parse("ann").unwrap(),
        UserName::parse("bob").unwrap(),
    );
    let count = async |of: &UserName| store.sessions(Some(of)).await.unwrap().len();
    let begin =
        async |n: u8, name: &str, at| store.begin_session(&session(n, name, at)).await.unwrap();
    assert!(
        begin(10, "ann", now).await && begin(11, "ann", now).await && begin(20, "bob", now).await
    );
    let (found, of) = store.session(&secret(10).digest()).await.unwrap().unwrap();
    assert_eq!((found, &of.name), (session(10, "ann", now), &ann));
    assert_eq!(of.signed_in_at, Some(now));
    store
        .note_session(&secret(10).digest(), fixture.at(9))
        .await
        .unwrap();
    let (found, _) = store.session(&secret(10).digest()).await.unwrap().unwrap();
    assert_eq!(found.seen_at, fixture.at(9));

    assert!(
        store
            .change_user(&ann, &UserChange::Role(Role::Manager))
            .await
            .unwrap()
    );
    assert_eq!((count(&ann).await, count(&bob).await), (0, 1));
    assert!(begin(12, "ann", now).await);
    let password = PasswordDigest::stored("digest".to_owned());
    assert!(
        store
            .set_password(&secret(1).digest(), &password, now)
            .await
            .unwrap()
    );
    assert_eq!(count(&ann).await, 0);
    assert!(begin(13, "ann", now).await);
    assert!(
        store
            .change_user(&ann, &UserChange::Disabled(now))
            .await
            .unwrap()
    );
    assert_eq!(count(&ann).await, 0);
    assert!(!begin(14, "ann", now).await);
    assert!(!begin(15, "nobody", now).await);
    assert!(store.end_session(&secret(20).digest()).await.unwrap());
    assert!(!store.end_session(&secret(20).digest()).await.unwrap());
    assert!(store.sessions(None).await.unwrap().is_empty());
}

async fn a_session_that_is_over_is_forgotten(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, now) = (&fixture.store, fixture.at(1));
    store
        .add_user(&user("ann", now), &secret(1).digest())
        .await
        .unwrap();
    for (n, hours) in [(10, 0), (11, 1)] {
        let at = now + SignedDuration::from_hours(hours);
        assert!(store.begin_session(&session(n, "ann", at)).await.unwrap());
    }
    let later = now + KeptSession::IDLE;
    assert!(
        store
            .begin_session(&session(12, "ann", later))
            .await
            .unwrap()
    );
    let left = store.sessions(None).await.unwrap();
    let left: Vec<_> = left.iter().map(|session| session.digest.clone()).collect();
    assert_eq!(left, [secret(12).digest(), secret(11).digest()]);
}

async fn what_is_kept_of_users_holds_no_secret(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, now) = (&fixture.store, fixture.at(1));
    store
        .add_user(&user("ann", now), &secret(1).digest())
        .await
        .unwrap();
    store.begin_session(&session(2, "ann", now)).await.unwrap();
    let users = base
        .texts("SELECT name || ' ' || role || ' ' || link_digest FROM users")
        .await;
    let sessions = base
        .texts("SELECT digest || ' ' || user_name FROM sessions")
        .await;
    for (kept, secret) in [(&users, secret(1)), (&sessions, secret(2))] {
        assert!(kept[0].contains(secret.digest().as_str()), "{kept:?}");
        assert!(!kept[0].contains(secret.expose()), "{kept:?}");
    }
}

async fn a_pin_finds_its_user_and_rests_if_it_is_wrong_too_often(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, now) = (&fixture.store, fixture.at(1));
    let (ann, bob) = (user("ann", now), user("bob", now));
    for (user, link) in [(&ann, secret(1)), (&bob, secret(2))] {
        store.add_user(user, &link.digest()).await.unwrap();
    }
    let digest = PasswordDigest::stored("digest".to_owned());
    let tried = async |number, at| store.try_pin(number, at).await.unwrap();
    assert!(tried(4711, now).await.is_none());
    assert!(store.set_pin(&ann.name, 4711, &digest, now).await.unwrap());
    // A number finds one user.
    assert!(!store.set_pin(&bob.name, 4711, &digest, now).await.unwrap());
    assert!(store.set_pin(&bob.name, 4712, &digest, now).await.unwrap());
    let pins = store.pins().await.unwrap();
    assert_eq!(pins, [(ann.name.clone(), now), (bob.name.clone(), now)]);
    for _ in 0..4 {
        assert_eq!(tried(4711, now).await, Some((ann.clone(), digest.clone())));
    }
    store.pin_was_right(4711).await.unwrap();
    for nth in 0..5 {
        assert!(tried(4711, now).await.is_some(), "{nth}");
    }
    // It rests, and longer after each further one; others do not.
    let minutes = |minutes| now + SignedDuration::from_mins(minutes);
    assert!(tried(4711, now).await.is_none());
    assert!(tried(4711, minutes(14)).await.is_none());
    assert!(tried(4712, now).await.is_some());
    assert!(tried(4711, minutes(15)).await.is_some());
    assert!(tried(4711, minutes(44)).await.is_none());
    assert!(tried(4711, minutes(45)).await.is_some());
    // What is right, or another, begins anew.
    store.pin_was_right(4711).await.unwrap();
    assert!(tried(4711, minutes(46)).await.is_some());
    assert!(store.set_pin(&ann.name, 4713, &digest, now).await.unwrap());
    assert!(tried(4711, minutes(47)).await.is_none());
    assert!(tried(4713, minutes(47)).await.is_some());
    assert!(store.remove_pin(&ann.name).await.unwrap());
    assert!(!store.remove_pin(&ann.name).await.unwrap());
    assert!(tried(4713, minutes(48)).await.is_none());
}

async fn of_many_tries_at_once_no_more_than_five_are_looked_at(base: &Base) {
    let fixture = Fixture::of(base, 0).await;
    let (store, now) = (&fixture.store, fixture.at(1));
    let ann = user("ann", now);
    store.add_user(&ann, &secret(1).digest()).await.unwrap();
    let digest = PasswordDigest::stored("digest".to_owned());
    assert!(store.set_pin(&ann.name, 4711, &digest, now).await.unwrap());
    let tried = (0..12).map(|_| async { store.try_pin(4711, now).await.unwrap().is_some() });
    let tried = futures::future::join_all(tried).await;
    assert_eq!(tried.iter().filter(|is| **is).count(), 5, "{tried:?}");
}

fn user(name: &str, now: Timestamp) -> KeptUser {
    KeptUser {
        name: UserName::parse(name).unwrap(),
        role: Role::Operator,
        password: None,
        password_at: None,
        created_at: now,
        created_by: "root".to_owned(),
        disabled_at: None,
        signed_in_at: None,
        link_until: Some(now + LINK_LASTS),
    }
}

fn session(n: u8, name: &str, at: Timestamp) -> KeptSession {
    KeptSession {
        digest: secret(n).digest(),
        user: UserName::parse(name).unwrap(),
        began_at: at,
        seen_at: at,
        ip: Some("10.1.2.3".parse().unwrap()),
    }
}

fn secret(n: u8) -> Secret {
    Secret::of(&[n; 32])
}

fn entry(at: Timestamp) -> AuditEntry {
    AuditEntry {
        at,
        who: "root".to_owned(),
        via: "cli",
        ip: None,
        request_id: None,
        action: "user.add".to_owned(),
        object: "user:ann".to_owned(),
        before: None,
        after: None,
    }
}
