//! The forward pass reproduces what the reference implementation computed, case by case, within 2e-5.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tiny;

use candle_core::{Device, Tensor};
use neodex_encoder::model::{AttentionMask, NeoBert};
use neodex_encoder::{NeoBertConfig, States, Weights};
use tiny::{Cases, distance};

const TOLERANCE: f32 = 2e-5;

fn model() -> NeoBert {
    let files = tiny::files();
    let config = NeoBertConfig::from_json(&files.config).unwrap();
    NeoBert::load(&Weights::parse(&files.weights).unwrap(), &config, &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn close(found: &[f32], expected: &[f32], what: &str) {
    let off = distance(found, expected);
    assert!(off <= TOLERANCE, "{what} is off by {off:e}");
}

#[test]
fn states_and_logits_of_every_length() {
    let (cases, encoder) = (Cases::read(), tiny::encoder());
    for case in ["len1", "len7", "len64", "eps1", "eps3"] {
        let ids = [cases.ids(case)];
        close(
            encoder.hidden_states(&ids).unwrap()[0].values(),
            &cases.tensor(&format!("{case}.last_hidden_state")),
            case,
        );
        close(encoder.logits(&ids).unwrap()[0].values(), &cases.tensor(&format!("{case}.logits")), case);
    }
}

#[test]
fn states_and_logits_of_two_hundred_tokens() {
    let (cases, encoder) = (Cases::read(), tiny::encoder());
    let ids = [cases.ids("len200")];
    close(encoder.hidden_states(&ids).unwrap()[0].values(), &cases.tensor("len200.last_hidden_state"), "states");
    let rows: Vec<usize> = serde_json::from_value(cases.json["cases"]["len200"]["rows"].clone()).unwrap();
    let logits = encoder.logits(&ids).unwrap();
    let all: Vec<&[f32]> = logits[0].rows().collect();
    let chosen: Vec<f32> = rows.iter().flat_map(|&row| all[row].to_vec()).collect();
    close(&chosen, &cases.tensor("len200.logits_rows"), "logits");
}

#[test]
fn the_stream_between_the_blocks() {
    let (cases, model) = (Cases::read(), model());
    for case in ["len1", "len7", "len64", "eps1", "eps3"] {
        let ids = Tensor::new(vec![cases.ids(case)], &Device::Cpu).unwrap();
        let layers = model.hidden_layers(&ids, None).unwrap();
        assert_eq!(layers.len(), 4);
        close(&values(&layers[3]), &cases.tensor(&format!("{case}.pre_norm_hidden")), case);
        if case == "len7" {
            close(&values(&layers[0]), &cases.tensor("len7.embeddings"), "embeddings");
            for block in 0..3 {
                close(&values(&layers[block + 1]), &cases.tensor(&format!("len7.block{block}")), "block");
            }
        }
    }
    let ids = Tensor::new(vec![cases.ids("len200")], &Device::Cpu).unwrap();
    let last = model.hidden_layers(&ids, None).unwrap().remove(3);
    let rows: Vec<u32> = serde_json::from_value(cases.json["cases"]["len200"]["rows"].clone()).unwrap();
    let chosen = last.index_select(&Tensor::new(rows, &Device::Cpu).unwrap(), 1).unwrap();
    close(&values(&chosen), &cases.tensor("len200.pre_norm_hidden_rows"), "rows before the norm");
}

#[test]
fn a_padded_batch_with_its_mask() {
    let (cases, model) = (Cases::read(), model());
    let case = &cases.json["cases"]["padded"];
    let ids: Vec<Vec<u32>> = serde_json::from_value(case["input_ids"].clone()).unwrap();
    let keep: Vec<Vec<u32>> = serde_json::from_value(case["attention_mask"].clone()).unwrap();
    let lengths: Vec<usize> = serde_json::from_value(case["lengths"].clone()).unwrap();
    let (ids, keep) = (Tensor::new(ids, &Device::Cpu).unwrap(), Tensor::new(keep, &Device::Cpu).unwrap());

    let mask = AttentionMask::from_tensor(&keep).unwrap();
    let states = model.forward(&ids, Some(&mask)).unwrap();
    close(&values(&states), &cases.tensor("padded.last_hidden_state"), "states, padding included");
    let layers = model.hidden_layers(&ids, Some(&mask)).unwrap();
    close(&values(&layers[3]), &cases.tensor("padded.pre_norm_hidden"), "stream, padding included");
    let logits = model.logits(&states).unwrap();
    for (row, &length) in lengths.iter().enumerate() {
        let own = logits.get(row).unwrap().narrow(0, 0, length).unwrap();
        close(&values(&own), &cases.tensor(&format!("padded.logits{row}")), "logits of real tokens");
    }

    let mask = AttentionMask::from_lengths(&lengths, 24, &Device::Cpu).unwrap().unwrap();
    let again = model.forward(&ids, Some(&mask)).unwrap();
    assert_eq!(values(&again), values(&states), "both ways to make a mask agree");
}

#[test]
fn means_of_the_padded_batch() {
    let (cases, encoder) = (Cases::read(), tiny::encoder());
    let case = &cases.json["cases"]["padded"];
    let ids: Vec<Vec<u32>> = serde_json::from_value(case["input_ids"].clone()).unwrap();
    let lengths: Vec<usize> = serde_json::from_value(case["lengths"].clone()).unwrap();
    let own: Vec<Vec<u32>> = ids.iter().zip(&lengths).map(|(ids, &length)| ids[..length].to_vec()).collect();
    let mean = |states: &States| -> Vec<f32> {
        let sum = |column| states.rows().map(|row| row[column]).sum::<f32>();
        (0..states.width()).map(|column| sum(column) / states.tokens() as f32).collect()
    };
    let means: Vec<Vec<f32>> = encoder.hidden_states(&own).unwrap().iter().map(mean).collect();
    close(&means.concat(), &cases.tensor("padded.mean_pooled"), "means");
    let unit = |mean: &Vec<f32>| {
        let length = mean.iter().map(|x| x * x).sum::<f32>().sqrt();
        mean.iter().map(|x| x / length).collect::<Vec<f32>>()
    };
    let units: Vec<Vec<f32>> = means.iter().map(unit).collect();
    close(&units.concat(), &cases.tensor("padded.mean_pooled_l2norm"), "unit vectors");
}
