"""The deep recogniser's encoder in torch: a small BERT with heads for what is asked."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from stream.recognition.deep.pieces import (
    ACCOUNT,
    AGENT,
    AGENT_BEFORE,
    AGENT_SHARED,
    CUSTOMER,
    CUSTOMER_AGAIN,
    OPENING,
    POSITIONS,
    ROLES,
)

LAYERS = 12
"""All of the base model's: six of them tell less than the four lower ones of all-MiniLM-L6-v2."""
HEADS = 12
AGENT_OUT, CUSTOMER_OUT, SCENARIO_OUT = 13, 4, 8


class Layer(nn.Module):
    def __init__(self, base: Mapping[str, Tensor], name: str) -> None:
        super().__init__()

        def linear(*parts: str) -> nn.Linear:
            weight = torch.cat([base[f"{name}{part}.weight"] for part in parts])
            made = nn.Linear(weight.shape[1], weight.shape[0])
            made.weight.data = weight
            made.bias.data = torch.cat([base[f"{name}{part}.bias"] for part in parts])
            return made

        self.mixed = linear(*(f"attention.self.{part}" for part in ("query", "key", "value")))
        self.out = linear("attention.output.dense")
        self.norm = norm(base, f"{name}attention.output.LayerNorm")
        self.up = linear("intermediate.dense")
        self.down = linear("output.dense")
        self.last_norm = norm(base, f"{name}output.LayerNorm")
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        batch, length, width = x.shape
        split = self.mixed(x).view(batch, length, 3, HEADS, width // HEADS)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        met = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = self.norm(x + self.drop(self.out(met.transpose(1, 2).reshape(batch, length, width))))
        return self.last_norm(x + self.drop(self.down(F.gelu(self.up(x)))))


def norm(base: Mapping[str, Tensor], name: str) -> nn.LayerNorm:
    made = nn.LayerNorm(len(base[f"{name}.weight"]), eps=1e-12)
    made.weight.data, made.bias.data = base[f"{name}.weight"], base[f"{name}.bias"]
    return made


class Encoder(nn.Module):
    """Pieces and roles to the logits of all heads: agent, customer and scenario, side by side."""

    def __init__(self, base: Mapping[str, Tensor]) -> None:
        super().__init__()
        words = base["embeddings.word_embeddings.weight"]
        width = words.shape[1]
        # The words' places are kept as they are: words that the corpus lacks stay beside those
        # that it has.
        self.words = nn.Embedding.from_pretrained(words, freeze=True)
        self.positions = nn.Parameter(
            base["embeddings.position_embeddings.weight"][:POSITIONS].clone()
        )
        first, second = base["embeddings.token_type_embeddings.weight"]
        roles = torch.stack([first] * ROLES)
        for role in (AGENT, AGENT_SHARED, CUSTOMER, CUSTOMER_AGAIN):
            roles[role] = second
        for role in (ACCOUNT, AGENT_BEFORE, OPENING):
            roles[role] = first
        roles += torch.randn(roles.shape, generator=torch.Generator().manual_seed(0)) * 0.02
        self.roles = nn.Parameter(roles)
        self.norm = norm(base, "embeddings.LayerNorm")
        self.drop = nn.Dropout(0.1)
        self.layers = nn.ModuleList(Layer(base, f"encoder.layer.{n}.") for n in range(LAYERS))
        self.heads = nn.Linear(2 * width, AGENT_OUT + CUSTOMER_OUT + SCENARIO_OUT)
        nn.init.normal_(self.heads.weight, std=0.02)
        nn.init.zeros_(self.heads.bias)

    def forward(self, pieces: Tensor, roles: Tensor) -> Tensor:
        """Both int64, batch x length; piece 0 is padding."""
        padded = pieces.eq(0)
        turn = ((roles != ACCOUNT) & (roles != AGENT_BEFORE) & ~padded).to(self.positions.dtype)
        x = self.words(pieces) + self.positions[: pieces.shape[1]] + F.embedding(roles, self.roles)
        x = self.drop(self.norm(x))
        mask = None
        if self.training or pieces.shape[0] > 1:
            mask = torch.zeros(pieces.shape).masked_fill(padded, -1e4)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        mean = (x * turn[:, :, None]).sum(1) / turn.sum(1, keepdim=True)
        return self.heads(self.drop(torch.cat([x[:, 0], mean], 1)))
