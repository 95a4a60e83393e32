# The page and the HTTP API, on the processor:  docker build -t srgan .  &&  docker run --rm -p 7860:7860 srgan
# Another command:  docker run --rm -v "$PWD:/pictures" -w /pictures srgan upscale photo.jpg
FROM python:3.12-slim

WORKDIR /srgan
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY recipes recipes
COPY integrations/desktop integrations/desktop
COPY src src
# hadolint ignore=DL3013  # it is the checkout, whose versions are in pyproject.toml
RUN pip install --no-cache-dir ".[web,formats]" && rm -rf /srgan

RUN useradd --create-home --uid 1000 srgan
USER 1000
WORKDIR /home/srgan
EXPOSE 7860
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/healthz', timeout=5)"]
ENTRYPOINT ["srgan"]
# Set SRGAN_TOKEN (-e SRGAN_TOKEN=...) where others reach the port, and --allow-host behind a proxy's name.
CMD ["serve", "--host", "0.0.0.0"]
