"""Tiny models with random weights, one folder for each family, and what sentence-transformers makes of some texts with them.

    pip install torch transformers sentence-transformers
    python3 encoder/tests/families/make.py encoder/tests/fixtures/families

The weights are stored in f16 and computed in f32, so that a folder takes some ten kilobytes. `expected.json` holds the token ids, and the
vectors by either pooling and in both roles. Wide initial weights make the vectors of different texts differ as a trained model's do.
"""

import json
import pathlib
import shutil
import sys

import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXTS = [
    "vectors",
    "Close vectors are near neighbours, aren't they?",
    "  An  oddly\tspaced\nline with 12,345 numbers -- and naïve café signs: 中文字 αβγ. ",
    "The index holds every passage of a document. " * 3,
    "A long text goes through the tokenizer and is cut where the model's limit is. " * 12,
]
WIDTH, HEADS, INNER, LAYERS, VOCABULARY = 32, 2, 48, 2, 320
CORPUS = [text.lower() for text in TEXTS] + TEXTS


def word_pieces():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=names, show_progress=False))
    tokenizer.post_processor = around(tokenizer, "[CLS]", "[SEP]")
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer, {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def bytes_of_words(names, start, end):
    tokenizer = Tokenizer(models.BPE(unk_token=names[3]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=names, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, start, end


def byte_pairs():
    tokenizer, start, end = bytes_of_words(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], "<s>", "</s>")
    ids = [(token, tokenizer.token_to_id(token)) for token in (end, start)]
    tokenizer.post_processor = processors.RobertaProcessing(*ids, trim_offsets=True, add_prefix_space=False)
    return tokenizer, {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}


def modern_byte_pairs():
    tokenizer, start, end = bytes_of_words(["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"], "[CLS]", "[SEP]")
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = around(tokenizer, start, end)
    return tokenizer, {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def unigrams():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(pattern(), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    names = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=VOCABULARY, special_tokens=names, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = around(tokenizer, "<s>", "</s>")
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer, {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}


def pattern():
    from tokenizers import Regex
    return Regex(r"\s+")


def around(tokenizer, start, end):
    ids = [(token, tokenizer.token_to_id(token)) for token in (start, end)]
    return processors.TemplateProcessing(single=f"{start} $A {end}", pair=f"{start} $A {end} $B {end}", special_tokens=ids)


COMMON = {"hidden_size": WIDTH, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS, "intermediate_size": INNER, "initializer_range": 0.3}
E5 = {"query": "query: ", "document": "passage: "}
# Family: tokenizer, config, its own keys, most tokens, prompts, whether the prompt counts in the mean, dimension of the vectors.
FAMILIES = {
    "bert": (word_pieces, "BertConfig", "BertModel", {"max_position_embeddings": 64}, 64, {}, True, None),
    "roberta": (byte_pairs, "RobertaConfig", "RobertaModel", {"max_position_embeddings": 66, "type_vocab_size": 1}, 64, {}, True, None),
    "xlm-roberta": (unigrams, "XLMRobertaConfig", "XLMRobertaModel", {"max_position_embeddings": 66, "type_vocab_size": 1}, 48, E5, True, None),
    "nomic-bert": (word_pieces, "NomicBertConfig", "NomicBertModel", {"max_position_embeddings": 256}, 128, E5, False, 16),
    "modernbert": (modern_byte_pairs, "ModernBertConfig", "ModernBertModel",
                   {"max_position_embeddings": 512, "local_attention": 16, "num_hidden_layers": 4}, 512, {}, True, None),
    "distilbert": (word_pieces, "DistilBertConfig", "DistilBertModel",
                   {"max_position_embeddings": 64, "dim": WIDTH, "n_heads": HEADS, "n_layers": LAYERS, "hidden_dim": INNER}, 64, {}, True, None),
}


def make(family, folder):
    tokenizer, config, model, own, most, prompts, include_prompt, dimension = FAMILIES[family]
    torch.manual_seed(7)
    tokenizer, names = tokenizer()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=most, **names)
    ids = {"pad_token_id": fast.pad_token_id, "bos_token_id": fast.cls_token_id, "eos_token_id": fast.sep_token_id}
    if family == "modernbert":
        ids |= {"cls_token_id": fast.cls_token_id, "sep_token_id": fast.sep_token_id}
    keys = {} if family == "distilbert" else dict(COMMON)
    config = getattr(transformers, config)(vocab_size=tokenizer.get_vocab_size(), **{**keys, **own, **ids})
    network = getattr(transformers, model)(config)
    for name, parameter in network.named_parameters():
        with torch.no_grad():
            # Norms and biases are 1 and 0 in a fresh model, which would hide their absence.
            spread = 0.3 if parameter.dim() > 1 else 0.2
            parameter.copy_(parameter.new_ones(parameter.shape) if "norm" in name.lower() and name.endswith("weight") else 0 * parameter)
            parameter.add_(torch.randn_like(parameter) * spread)
    plain = folder.with_suffix(".plain")
    network.half().save_pretrained(plain)
    fast.save_pretrained(plain)

    transformer = Transformer(str(plain), model_kwargs={"dtype": torch.float32})
    expected = {"texts": TEXTS, "ids": [fast(text, truncation=True, max_length=most)["input_ids"] for text in TEXTS]}
    for mode in ("cls", "mean"):
        pooling = Pooling(WIDTH, mode, include_prompt=include_prompt)
        whole = SentenceTransformer(modules=[transformer, pooling, Normalize()], prompts=prompts, truncate_dim=dimension, device="cpu")
        expected[mode] = {
            "query": rounded(whole.encode_query(TEXTS, normalize_embeddings=dimension is not None)),
            "document": rounded(whole.encode_document(TEXTS, normalize_embeddings=dimension is not None)),
        }
    shutil.rmtree(folder, ignore_errors=True)
    whole.save(str(folder), create_model_card=False)
    shutil.copy(plain / "model.safetensors", folder / "model.safetensors")
    shutil.rmtree(plain)
    json.dump(expected, open(folder / "expected.json", "w"), ensure_ascii=False)


def rounded(vectors):
    return [[round(float(x), 6) for x in vector] for vector in vectors]


if __name__ == "__main__":
    root = pathlib.Path(sys.argv[1])
    for family in sys.argv[2:] or FAMILIES:
        root.mkdir(parents=True, exist_ok=True)
        make(family, root / family)
