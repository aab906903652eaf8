//! What the members of a group tell each other is what plain sums over all of them give, in the same order every time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::thread;

use candle_core::{DType, Device, Tensor};
use neodex_training::distributed::{ProcessGroup, Single, ThreadRank, Threads};
use neodex_training::random::Random;

fn values(rank: usize, length: usize) -> Vec<f32> {
    let mut random = Random::keyed(7, &[rank as u64]);
    (0..length).map(|_| random.uniform(-1.0, 1.0) * 10_f32.powi(random.below(9) as i32 - 4)).collect()
}

fn tensor(values: &[f32]) -> Tensor {
    Tensor::from_slice(values, values.len(), &Device::Cpu).unwrap()
}

/// The sum over all ranks, in their order.
fn sum(world: usize, length: usize) -> Vec<f32> {
    let all: Vec<Vec<f32>> = (0..world).map(|rank| values(rank, length)).collect();
    (0..length).map(|at| all.iter().fold(0.0, |sum, values| sum + values[at])).collect()
}

fn on_each<T: Send>(world: usize, work: impl Fn(ThreadRank) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = Threads::group(world).into_iter().map(|rank| scope.spawn(move || work(rank))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn every_operation_agrees_with_plain_arithmetic() {
    for world in [1, 2, 3, 5] {
        let length = 4 * world;
        let expected = sum(world, length);
        let answers = on_each(world, |group| {
            let rank = group.rank();
            assert_eq!(group.world_size(), world);
            let (mut part, mut gathered, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..20 {
                let reduced = group.reduce_scatter(&tensor(&values(rank, length))).unwrap();
                part = reduced.to_vec1::<f32>().unwrap();
                gathered = group.all_gather(&reduced).unwrap().to_vec1::<f32>().unwrap();
                numbers = group.sum(&[rank as f64, 0.5]).unwrap();
                group.barrier().unwrap();
            }
            let half = group.all_gather(&tensor(&values(rank, 3)).to_dtype(DType::BF16).unwrap()).unwrap();
            assert_eq!((half.dtype(), half.elem_count()), (DType::BF16, 3 * world));
            (part, gathered, numbers)
        });
        let ranks = (world * (world - 1) / 2) as f64;
        for (rank, (part, gathered, numbers)) in answers.into_iter().enumerate() {
            assert_eq!(part, expected[4 * rank..4 * rank + 4]);
            assert_eq!(gathered, expected);
            assert_eq!(numbers, [ranks, 0.5 * world as f64]);
        }
    }
}

#[test]
fn a_group_of_one_changes_nothing() {
    let own = tensor(&values(0, 5));
    let same = |found: Tensor| assert_eq!(found.to_vec1::<f32>().unwrap(), values(0, 5));
    same(Single.reduce_scatter(&own).unwrap());
    same(Single.all_gather(&own).unwrap());
    assert_eq!(Single.sum(&[1.5, 2.0]).unwrap(), [1.5, 2.0]);
    Single.barrier().unwrap();
}

#[test]
fn members_that_do_not_fit_are_told_and_nobody_waits_for_ever() {
    let answers = on_each(3, |group| {
        let numbers = vec![1.0; 3 + group.rank() / 2];
        group.sum(&numbers).map_err(|error| error.to_string())
    });
    assert!(
        answers.iter().all(|answer| answer.as_ref().is_err_and(|error| error.contains("process group"))),
        "{answers:?}"
    );
    // The second member stops after the first operation.
    let answers = on_each(3, |group| {
        group.barrier().unwrap();
        match group.rank() {
            1 => Ok(()),
            _ => group.all_gather(&tensor(&[0.0])).map(drop),
        }
    });
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, false]);
}
