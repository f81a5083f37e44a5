//! The process is killed while it writes.

use std::collections::{BTreeMap, BTreeSet};

use crate::installation::Installation;
use crate::rows::{assert_holds, whole};
use crate::storm::{CLIENTS, Storm};

on_both_engines! {
    fn what_was_acknowledged_is_there_and_what_was_not_can_be_repeated(lastro: Installation) {
        let mut acknowledged = BTreeMap::new();
        let mut unanswered = BTreeSet::new();
        for round in ["first", "second", "third"] {
            let server = lastro.serve(&["--demo"]);
            let storm = Storm::begin(&server, round);
            storm.wait_for(30);
            server.kill();
            let outcome = storm.cut_off();
            assert!(outcome.unavailable.is_empty(), "{outcome:?}");
            assert_eq!(outcome.unanswered.len(), CLIENTS, "each client was in the middle of a request");
            acknowledged.extend(outcome.acknowledged);
            unanswered.extend(outcome.unanswered);
        }

        let server = lastro.serve(&["--demo"]);
        assert_holds(&whole(lastro.url()), &acknowledged);

        // The client does not know whether its request was carried out, and need not: the key makes the repetition safe.
        let mut client = server.operator();
        for slug in &unanswered {
            let answer = client.create_again(slug).assert_status(201);
            let again = client.create_again(slug).assert_status(201);
            assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again:?}");
            assert_eq!(again.id(), answer.id());
            acknowledged.insert(slug.clone(), answer.id());
        }
        let (slug, id) = acknowledged.first_key_value().unwrap();
        let replayed = client.create(slug).assert_status(201);
        assert_eq!(replayed.header("idempotency-replayed"), Some("true"), "an answer outlives the process that gave it");
        assert_eq!(&replayed.id(), id);

        let organizations = whole(lastro.url());
        assert_holds(&organizations, &acknowledged);
        assert_eq!(
            organizations.len(),
            acknowledged.len() + 2,
            "those that were asked for, the platform and the sample"
        );
        server.stop();
    }
}
