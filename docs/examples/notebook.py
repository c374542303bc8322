"""A notebook's cells: measure a model, compare it with a blurred one, fine-tune it with the penalty, measure again."""

import torch
from torch import nn
from torchvision.models import resnet18

import fsens_cli as fsens

torch.manual_seed(0)
images, labels = torch.rand(24, 3, 32, 32), torch.arange(24) % 10  # your own pictures here
model = resnet18(num_classes=10)  # weights="DEFAULT", with mean= and std= below, for trained ones

before = fsens.measure(model, (images, labels))
axes = before.plot()  # a notebook shows axes.figure
blurred = fsens.measure(nn.Sequential(fsens.GaussianBlur(1.5), model), (images, labels))
print(fsens.compare(before, blurred))

penalty, optimizer = fsens.FourierPenalty("lsf", weight=1), torch.optim.SGD(model.parameters(), lr=0.02)
for _ in range(10):
    loss, _ = penalty.with_loss(model.train(), images, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
after = fsens.measure(model, (images, labels))
print(f"low band: {before['share-low']}; after ten steps: {after['share-low']}")
