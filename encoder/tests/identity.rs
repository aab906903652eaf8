//! What is said of a model without building it, and of a text it cannot read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tiny;

use neodex_encoder::Identity;

#[test]
fn the_files_alone_say_what_the_model_will_be() {
    let (identity, encoder) = (Identity::of(&tiny::files()).unwrap(), tiny::encoder());
    assert_eq!(identity.fingerprint, encoder.fingerprint());
    assert_eq!((identity.dimension, identity.max_tokens), (encoder.dimension(), encoder.max_tokens()));
}

#[test]
fn what_is_in_no_word_piece_is_unknown_by_its_letters() {
    let encoder = tiny::encoder();
    let share = |text: &str| encoder.unknown_share(text).unwrap();
    assert_eq!((share(""), share(" \n"), share("12"), share("the cat")), (0.0, 0.0, 0.0, 0.0));
    assert_eq!(share("\u{16a0}\u{16a1} \u{16a2}"), 1.0, "runes");
    assert_eq!(share("\u{4e2d}\u{56fd} 12"), 1.0, "numbers are no letters");
    assert!((share("the \u{16a0}") - 0.25).abs() < 1e-6, "one letter of four");
}
