"""Fits the space in which a student imitates its teachers: what teach.py takes from each, and how it turns them.

    python space.py --tokenizer tokenizer.json --model MINILM --model E5 --centre E5 --output space.npz SET...

A sample of every SET's queries and documents is asked for. A teacher named by `--centre` has the mean of its vectors taken away, that of
queries from queries and that of documents from documents: E5's all point one way, with cosines between .7 and 1, and would have no say beside
another's otherwise. The rotation keeps the principal axes, largest variance first and without centring, so that leading dimensions carry
most and dot products stay what they are.

With `--toward OLD.npz`, the space of the vectors that a student has learned already, which the first teachers make, the axes are turned
towards it within each block of dimensions (`--blocks 128,384`), which keeps what the blocks carry: a student need not learn anew what is only
called otherwise.
"""

import json

import numpy as np
import torch
from teach import SpanTexts, Teacher, arguments, side_by_side


def sample(args, device: str):
    """The teachers, the vectors of each, of length 1, and which are documents'."""
    teachers = [Teacher(folder, device, args.longest) for folder in args.model]
    vocabulary = json.loads(args.tokenizer.read_text())["model"]["vocab"]
    random, parts, documents = np.random.default_rng(0), [[] for _ in teachers], []
    for folder in args.sets:
        texts = SpanTexts(folder, vocabulary, args.with_context)
        roles = texts.are_documents()
        of_role = [np.flatnonzero(roles == role) for role in (1, 0)]
        chosen = np.concatenate([random.choice(all, min(args.sample // 2, len(all)), replace=False) for all in of_role])
        found = [texts[i] for i in chosen]
        for teacher, part in zip(teachers, parts):
            part.append(teacher.embed(*teacher.read(found, roles[chosen]), args.tokens_per_batch))
        documents.append(roles[chosen])
        print(f"{folder.name}: {len(chosen)} spans", flush=True)
    return teachers, [np.concatenate(part) for part in parts], np.concatenate(documents)


def toward(z: np.ndarray, old: np.ndarray, ends: list) -> np.ndarray:
    """The rotation within blocks that brings `z` nearest to `old` (orthogonal Procrustes)."""
    rotation = np.zeros((z.shape[1], z.shape[1]))
    for start, end in zip([0, *ends], ends):
        left, _, right = np.linalg.svd(z[:, start:end].T @ old[:, start:end])
        rotation[start:end, start:end] = left @ right
    return rotation


def main():
    parser = arguments(__doc__)
    parser.add_argument("--centre", action="append", default=[], metavar="NAME", help="a teacher, by its folder's name, to free of its mean")
    parser.add_argument("--width", type=int, default=384, help="of the student's vectors")
    parser.add_argument("--sample", type=int, default=300, help="spans to ask for, of each set")
    parser.add_argument("--toward", metavar="OLD.npz", help="a space of the first teachers to stay near to")
    parser.add_argument("--blocks", default="128,384", help="ends of the blocks of dimensions that are turned, the last the width")
    parser.add_argument("--output", required=True, metavar="FILE.npz")
    args = parser.parse_args()
    ends = [int(end) for end in args.blocks.split(",")]
    if ends != sorted(set(ends)) or ends[-1] != args.width:
        raise SystemExit(f"--blocks is {args.blocks}; it must rise, to --width, {args.width}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    teachers, parts, documents = sample(args, device)
    unknown = set(args.centre) - {teacher.name for teacher in teachers}
    if unknown:
        raise SystemExit(f"--centre names {', '.join(sorted(unknown))}; the teachers are {', '.join(teacher.name for teacher in teachers)}")
    parts = [part.astype(np.float32) for part in parts]
    means = [
        np.stack([part[documents == role].mean(0) for role in (0, 1)]) if teacher.name in args.centre else None
        for teacher, part in zip(teachers, parts)
    ]
    joined = side_by_side(parts, means, documents, device).double().cpu().numpy()
    values, axes = np.linalg.eigh(joined.T @ joined)
    rotation = axes[:, ::-1][:, : args.width]
    print(f"{args.width} of {joined.shape[1]} dimensions keep {values[::-1][: args.width].sum() / values.sum():.3f} of the squares")
    if args.toward:
        old = dict(np.load(args.toward))["rotation"]
        first = joined[:, : old.shape[0]] / np.linalg.norm(joined[:, : old.shape[0]], axis=1, keepdims=True)
        rotation = rotation @ toward(joined @ rotation, first @ old, ends)
    turned = joined @ rotation
    for width in (64, 128, 256):
        print(f"the first {width}: {np.square(turned[:, :width]).sum() / np.square(turned).sum():.3f}")
    kept = {f"mean-{teacher.name}": mean for teacher, mean in zip(teachers, means) if mean is not None}
    np.savez(args.output, rotation=rotation.astype(np.float32), **kept)


if __name__ == "__main__":
    main()
