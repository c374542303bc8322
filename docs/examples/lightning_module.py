"""LSF in a Lightning module."""

import lightning
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import fsens_cli as fsens


class Regularized(lightning.LightningModule):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.penalty = fsens.FourierPenalty("lsf", weight=0.5)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        images, labels = batch
        loss, _ = self.penalty.with_loss(self.model, images, labels)
        self.log_dict({f"share/{band}": share for band, share in self.penalty.last.shares.items()})
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9)


if __name__ == "__main__":
    data = TensorDataset(torch.rand(64, 3, 32, 32), torch.arange(64) % 10)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(1800, 10))
    module = Regularized(model)
    trainer = lightning.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    trainer.fit(module, DataLoader(data, batch_size=16))
    print(module.penalty.last)
