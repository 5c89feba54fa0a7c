"""Half the resolution keeps whole numbers, so that torch and the runtime round alike."""

import torch

from baselines.pipeline.low_resolution_int8 import Halved


def test_pixels_are_means_of_squares_as_whole_numbers():
    image = torch.tensor([[0, 0, 255, 255], [0, 3, 255, 255]], dtype=torch.uint8)
    (pixels,) = Halved()(image[None])
    assert torch.equal(pixels * 255, torch.tensor([1.0, 255.0]))  # 0.75 counts as 1


def test_every_pixel_is_a_multiple_of_what_8_bits_tell_apart():
    images = torch.randint(0, 256, (8, 28, 28), dtype=torch.uint8)
    levels = Halved()(images) * 255
    assert levels.shape == (8, 196)
    assert torch.allclose(levels, levels.round(), atol=1e-4)
