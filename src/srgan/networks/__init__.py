"""The networks of SRGAN, in torch: generator, discriminator and the VGG feature network."""
