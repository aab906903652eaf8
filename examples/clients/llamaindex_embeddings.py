"""LlamaIndex's OpenAI-compatible embeddings, pointed at neodex."""

import os

from llama_index.embeddings.openai_like import OpenAILikeEmbedding

embedding = OpenAILikeEmbedding(
    model_name="neodex",
    api_base=os.environ.get("NEODEX_URL", "http://127.0.0.1:7331") + "/v1",
    api_key=os.environ.get("NEODEX_API_KEY", "none"),
    embed_batch_size=32,
)

texts = ["Keys are renewed once a month.", "The recipe wants two apples.", "Backups run every night."]
query = embedding.get_query_embedding("How do I rotate the keys?")
vectors = embedding.get_text_embedding_batch(texts)
scores = [embedding.similarity(query, vector) for vector in vectors]
for text, score in sorted(zip(texts, scores), key=lambda pair: -pair[1]):
    print(f"{score:.3f}  {text}")
assert max(scores) == scores[0]
