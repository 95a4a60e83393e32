"""How good a network is: benchmarks, PSNR, SSIM, distance in VGG features, figures."""
