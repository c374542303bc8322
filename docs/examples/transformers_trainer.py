"""LSF in a transformers Trainer: pixel values arrive normalised, so the penalty is told their std."""

import tempfile

import torch
from torch import nn
from transformers import Trainer, TrainingArguments, ViTConfig, ViTForImageClassification

import fsens_cli as fsens


class Logits(nn.Module):
    """The network as a function from pixel values to logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.model(pixel_values=pixel_values).logits


class Regularized(Trainer):
    penalty = fsens.FourierPenalty("lsf", weight=0.5, std=(0.5, 0.5, 0.5))

    def compute_loss(self, model: nn.Module, inputs: dict, return_outputs: bool = False, **_: object) -> object:
        loss, logits = self.penalty.with_loss(Logits(model), inputs["pixel_values"], inputs["labels"])
        return (loss, {"logits": logits}) if return_outputs else loss


if __name__ == "__main__":
    config = ViTConfig(image_size=32, patch_size=8, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                       intermediate_size=64, num_labels=10)  # fmt: skip
    data = [{"pixel_values": torch.randn(3, 32, 32), "labels": i % 10} for i in range(32)]
    arguments = TrainingArguments(tempfile.mkdtemp(), max_steps=2, per_device_train_batch_size=8, report_to="none",
                                  save_strategy="no", use_cpu=True, disable_tqdm=True)  # fmt: skip
    trainer = Regularized(ViTForImageClassification(config), arguments, train_dataset=data)
    trainer.train()
    print(trainer.penalty.last)
