# syntax=docker/dockerfile:1
ARG VERSION=3.11

# Builds the wheel.
FROM python:${VERSION}-slim AS build
ARG TOKEN
ENV HOME=/app \
    LANG=C
WORKDIR /app
COPY . .
RUN pip wheel . \
    && echo done

FROM --platform=linux/amd64 registry.example.com:5000/base@sha256:abc as final
LABEL name="x"
COPY --from=build /app /app
EXPOSE 80
ENTRYPOINT ["fimble"]

FROM scratch
