//! A document survives its bytes, and bytes that are none are refused without a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn metadata() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300f64).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn document()(
        id in "[^\\p{Cc}]{1,40}",
        title in ".{0,20}",
        text in "(?s).{0,400}",
        headings in prop::collection::vec((any::<u8>(), ".{0,10}", 0usize..500), 0..5),
        fields in prop::collection::vec((".{0,8}", metadata()), 0..4),
    ) -> Document {
        Document {
            id: id.into(),
            title,
            headings: headings
                .into_iter()
                .map(|(level, words, offset)| Heading { level, text: words, offset })
                .collect(),
            text,
            metadata: fields.into_iter().collect(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_and_back(document in document()) {
        let record = record::encode(&document).unwrap();
        let read = record::decode(&record).unwrap();
        prop_assert_eq!(content_hash(&read), content_hash(&document));
        prop_assert_eq!(read, document);
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200), packed in any::<bool>()) {
        let mut record = vec![record::RECORD_VERSION, u8::from(packed)];
        record.extend(&bytes);
        let _ = record::decode(&record);
        let _ = record::decode(&bytes);
    }

    #[test]
    fn a_changed_byte_never_panics(document in document(), place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut record = record::encode(&document).unwrap();
        let place = place.index(record.len());
        record[place] ^= 1 << bit;
        let _ = record::decode(&record);
        let _ = record::decode(&record[..place]);
    }
}

#[test]
fn headings_that_stand_in_the_text_are_stored_once_and_text_is_packed() {
    let text = "A heading\n\nwords ".repeat(500);
    let mut document = Document::new("a", text.clone());
    document.headings.push(Heading { level: 2, text: "A heading".into(), offset: 0 });
    let record = record::encode(&document).unwrap();
    assert!(record.len() < text.len() / 20, "{} bytes", record.len());
    assert_eq!(record::decode(&record).unwrap(), document);
}

#[test]
fn refusals_say_what_to_do() {
    let newer = record::decode(&[9, 0, 0]).unwrap_err();
    assert_eq!(newer, DocumentError::UnsupportedVersion { found: 9, supported: 1 });
    assert!(newer.to_string().contains("newer program"));
    // It claims to unpack to 500 MB.
    let mut lie = vec![1, 1];
    value::write_length(&mut lie, 500 << 20);
    lie.extend([0; 20]);
    assert!(matches!(record::decode(&lie), Err(DocumentError::Corrupted { .. })));
    assert!(matches!(record::decode(&[]), Err(DocumentError::Corrupted { .. })));
    let unnamed = record::encode(&Document::new("", "x"));
    assert_eq!(unnamed, Err(DocumentError::EmptyId));
}

#[test]
fn floats_keep_their_last_bit() {
    let document = Document::new("a", "").metadata("x", json!([0.1 + 0.2, 1e-310, -0.0, 5e-324]));
    let read = record::decode(&record::encode(&document).unwrap()).unwrap();
    let bits = |document: &Document| -> Vec<u64> {
        let values = document.metadata.get("x").unwrap().as_array().unwrap().clone();
        values.iter().map(|value| value.as_f64().unwrap().to_bits()).collect()
    };
    assert_eq!(bits(&read), bits(&document));
}
