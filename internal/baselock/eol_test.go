package baselock

import (
	"testing"
	"time"
)

func TestEndOfLife(t *testing.T) {
	const (
		alpine320  = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=\"Alpine Linux v3.20\"\n"
		debian12   = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n"
		distro12   = "PRETTY_NAME=\"Distroless\"\nID=\"debian\"\nVERSION_ID=\"12\"\n"
		ubuntu2204 = "# Ubuntu\nPRETTY_NAME='Ubuntu 22.04.4 LTS'\nVERSION_ID='22.04'\nID=ubuntu\n"
		fedora     = "NAME=\"Fedora Linux\"\nID=fedora\nVERSION_ID=43\nPRETTY_NAME=\"Fedora Linux 43\"\nSUPPORT_END=2026-12-02\n"
		wolfi      = "ID=wolfi\nNAME=\"Wolfi\"\nVERSION_ID=\"20230201\"\n"
	)
	for _, c := range []struct{ name, osRelease, want string }{
		{"docker.io/library/alpine:3.20", "", "Alpine 3.20, 2026-04-01"},
		{"docker.io/library/alpine:3.20.3", "", "Alpine 3.20, 2026-04-01"},
		{"docker.io/library/alpine:3.20@sha256:abc", "", "Alpine 3.20, 2026-04-01"},
		{"registry.corp:5000/hub/library/alpine:3.24", "", "Alpine 3.24, 2028-05-01"},
		{"docker.io/library/alpine:latest", "", ""},
		{"docker.io/library/alpine:latest", alpine320, "Alpine 3.20, 2026-04-01"},
		{"docker.io/library/alpine:3.24", alpine320, "Alpine 3.20, 2026-04-01"},
		{"docker.io/library/alpine:3", "", ""},
		{"docker.io/library/alpine:3.99", "", ""},
		{"docker.io/library/debian:12", "", "Debian 12, 2028-06-30"},
		{"docker.io/library/debian:12.5-slim", "", "Debian 12, 2028-06-30"},
		{"docker.io/library/debian:bookworm-20260101-slim", "", "Debian 12, 2028-06-30"},
		{"docker.io/library/debian:bullseye-slim", "", "Debian 11, 2026-08-31"},
		{"docker.io/library/debian:stable", debian12, "Debian 12, 2028-06-30"},
		{"docker.io/library/debian:sid", "ID=debian\n", ""},
		{"docker.io/library/ubuntu:22.04", "", "Ubuntu 22.04, 2027-06-01"},
		{"docker.io/library/ubuntu:jammy-20260101", "", "Ubuntu 22.04, 2027-06-01"},
		{"example.com/own:1", ubuntu2204, "Ubuntu 22.04, 2027-06-01"},
		{"docker.io/library/ubuntu:24.10", "", ""},
		{"docker.io/library/golang:1.26-alpine3.21", "", "Alpine 3.21, 2026-11-01"},
		{"docker.io/library/golang:1.26-bookworm", "", "Debian 12, 2028-06-30"},
		{"docker.io/library/golang:1.26", "", ""},
		{"docker.io/library/golang:latest", "", ""},
		{"docker.io/library/busybox:1.36", "", ""},
		{"docker.io/acme/alpine:3.20", "", ""},
		{"gcr.io/distroless/static-debian12:nonroot", "", "distroless for Debian 12, 2026-09-30"},
		{"gcr.io/distroless/static-debian12:nonroot", distro12, "distroless for Debian 12, 2026-09-30"},
		{"gcr.io/distroless/base-nossl-debian11:latest", "", "distroless for Debian 11, 2024-06-01"},
		{"gcr.io/distroless/static-debian13:nonroot", "", ""},
		{"gcr.io/distroless/static-debian13:nonroot", "PRETTY_NAME=\"Distroless\"\nID=\"debian\"\nVERSION_ID=\"13\"\n", ""},
		{"registry.corp/copy/of/static:1", distro12, "distroless for Debian 12, 2026-09-30"},
		{"docker.io/library/fedora:43", fedora, "Fedora Linux 43, 2026-12-02"},
		{"cgr.dev/chainguard/static:latest", wolfi, ""},
		{"", "", ""},
		{"", "=\n'\n\"\n=='\nID=\"", ""},
	} {
		label, end, ok := EndOfLife(c.name, []byte(c.osRelease))
		got := ""
		if ok {
			got = label + ", " + end.Format(time.DateOnly)
		}
		if got != c.want {
			t.Errorf("%s %.20q: %q, want %q", c.name, c.osRelease, got, c.want)
		}
	}
}

func TestTableIsSound(t *testing.T) {
	for id, versions := range ends() {
		for version := range versions {
			if label, end, ok := (release{id, version}).end(); !ok || label == "" || end.Year() < 2020 {
				t.Errorf("%s %s: %q, %v", id, version, label, end)
			}
		}
	}
	for name, r := range codenames() {
		if _, _, ok := r.end(); !ok {
			t.Errorf("%s has no date", name)
		}
	}
}
