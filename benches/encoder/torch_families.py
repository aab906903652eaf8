"""Encoders of other families as `transformers` runs them: random weights of a published shape, SDPA, bf16, batches of equal lengths.

    python3 torch_families.py --families modernbert-base,bert-base --lengths 512,1024,2048,4096,8192
"""

import argparse
import json

import torch
import transformers

from torch_neobert import DTYPES, device_name, product_speed, seconds

# What the models' own config.json say, where transformers' defaults do not already.
FAMILIES = {
    "bert-base": ("BertConfig", "BertModel", {}),
    "roberta-base": ("RobertaConfig", "RobertaModel", {"vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1}),
    "nomic-bert-2048": ("NomicBertConfig", "NomicBertModel", {"vocab_size": 30528, "max_position_embeddings": 2048}),
    "modernbert-base": ("ModernBertConfig", "ModernBertModel", {"max_position_embeddings": 8192}),
}


def build(family, dtype, device):
    """The model, and how many tokens it reads."""
    config, model, own = FAMILIES[family]
    config = getattr(transformers, config)(**own)
    config._attn_implementation = "sdpa"
    longest = config.max_position_embeddings - (2 if family.startswith("roberta") else 0)
    with torch.device(device):
        return getattr(transformers, model)(config).to(dtype).eval(), longest


def rows(family, lengths, tokens=65536, least=1.0, precision="bf16", device="cuda", peak=None):
    """Measurements as dictionaries, of those lengths that the model reads."""
    dtype = DTYPES[precision]
    torch.manual_seed(0)
    model, longest = build(family, dtype, device)
    vocabulary = model.config.vocab_size
    peak = peak or product_speed(dtype, device)
    with torch.inference_mode():
        for length in (length for length in lengths if length <= longest):
            many = max(1, tokens // length)
            ids = torch.randint(1000, vocabulary, (many, length), device=device)
            took = seconds(lambda: model(input_ids=ids).last_hidden_state.float().mean(1), least, device)
            yield {"engine": f"transformers {transformers.__version__}", "device": device_name(device), "shape": family,
                   "precision": precision, "lengths": length, "tokens_per_second": round(many * length / took),
                   "peak_tflops": round(peak / 1e12, 3)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--families", default=",".join(FAMILIES))
    arguments.add_argument("--lengths", default="512,1024,2048,4096,8192")
    arguments.add_argument("--tokens", type=int, default=65536, help="tokens of a batch")
    arguments.add_argument("--seconds", type=float, default=1.0, help="least time of a measurement")
    arguments.add_argument("--dtype", choices=list(DTYPES), default="bf16")
    arguments.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    given = arguments.parse_args()
    lengths = [int(length) for length in given.lengths.split(",")]
    for family in given.families.split(","):
        for row in rows(family, lengths, given.tokens, given.seconds, given.dtype, given.device):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
