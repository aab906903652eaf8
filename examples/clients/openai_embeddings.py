"""OpenAI's own client, pointed at neodex: vectors for texts, in both of its encodings, and fewer dimensions."""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("NEODEX_URL", "http://127.0.0.1:7331") + "/v1",
    # The client insists on a key; a server without keys does not look at it.
    api_key=os.environ.get("NEODEX_API_KEY", "none"),
)

model = client.models.list().data[0].id
texts = ["How do I rotate the keys?", "Keys are renewed once a month.", "The recipe wants two apples."]
answer = client.embeddings.create(model=model, input=texts)
vectors = [item.embedding for item in answer.data]
print(f"{model}: {len(vectors)} vectors of {len(vectors[0])}, {answer.usage.total_tokens} tokens")


def cosine(a, b):
    # Vectors have length 1, so the dot product is the cosine.
    return sum(x * y for x, y in zip(a, b))


for text, vector in zip(texts[1:], vectors[1:]):
    print(f"{cosine(vectors[0], vector):.3f}  {text}")
assert cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2])

short = client.embeddings.create(model=model, input="rotate the keys", dimensions=64, encoding_format="float")
assert len(short.data[0].embedding) == 64
