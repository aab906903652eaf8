"""LangChain's OpenAI embeddings, pointed at neodex, under a vector store of LangChain's own."""

import os

from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import OpenAIEmbeddings

embeddings = OpenAIEmbeddings(
    base_url=os.environ.get("NEODEX_URL", "http://127.0.0.1:7331") + "/v1",
    api_key=os.environ.get("NEODEX_API_KEY", "none"),
    model="neodex",
    # Otherwise LangChain sends the numbers of OpenAI's tokens, which belong to another model. Long texts need no cutting here.
    check_embedding_ctx_length=False,
)

store = InMemoryVectorStore(embeddings)
store.add_texts(["Keys are renewed once a month.", "The recipe wants two apples.", "Backups run every night."])
found = store.similarity_search_with_score("How do I rotate the keys?", k=2)
for document, score in found:
    print(f"{score:.3f}  {document.page_content}")
assert "renewed" in found[0][0].page_content
