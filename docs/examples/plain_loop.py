"""LSF in a training loop of one's own: one line more than without it."""

import torch
from torch import nn

import fsens_cli as fsens

torch.manual_seed(0)
images, labels = torch.rand(256, 3, 32, 32), torch.arange(256) % 10  # your own data here
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
    nn.Conv2d(16, 16, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(256, 10),
)  # fmt: skip
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
penalty = fsens.FourierPenalty("lsf", weight=0.5)

for step in range(10):
    rows = torch.arange(64) + 64 * (step % 4)
    loss, logits = penalty.with_loss(model, images[rows], labels[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {step}  loss {loss.item():.3f}  {penalty.last}")
