package image

import (
	"fmt"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What images get where [Parts] don't say otherwise.
const (
	// DefaultUser is nobody, by number, so that no passwd file is needed and
	// Kubernetes' runAsNonRoot can see that it isn't root.
	DefaultUser = "65534:65534"
	// DefaultWorkingDir exists in every image and can be read by every user. The
	// base's is not taken over: distroless' /home/nonroot is closed to 65534.
	DefaultWorkingDir = "/"
	// DefaultPath is PATH where the base has none.
	DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// Keys of annotations and labels that every image gets, as defined in the OCI image
// specification (annotations.md).
const (
	keyTitle      = "org.opencontainers.image.title"
	keySource     = "org.opencontainers.image.source"
	keyLicenses   = "org.opencontainers.image.licenses"
	keyRevision   = "org.opencontainers.image.revision"
	keyVersion    = "org.opencontainers.image.version"
	keyCreated    = "org.opencontainers.image.created"
	keyBaseName   = "org.opencontainers.image.base.name"
	keyBaseDigest = "org.opencontainers.image.base.digest"
)

// MediaTypes chooses between the two vocabularies of media types.
type MediaTypes int

// The vocabularies.
const (
	// OCI types are the default.
	OCI MediaTypes = iota
	// Docker types (image manifest version 2, schema 2) are for images with a
	// health check, which some runtimes read only there, and for old readers. They
	// have neither annotations nor zstd.
	Docker
)

// Parts are what an image is made of. The zero value of each field is usable.
type Parts struct {
	Base       v1.Image // nil for no base at all
	BaseName   string   // the base's reference, fully qualified; empty where it has none
	BaseDigest v1.Hash  // of the base's manifest for this platform; zero to record no base

	Platform v1.Platform // what the image says it is for, whatever the base says
	Layers   []Addition  // on top of the base's, the lowest first

	Entrypoint []string // the base's is dropped, as is its Cmd
	Cmd        []string
	User       string   // empty for DefaultUser
	WorkingDir string   // empty for DefaultWorkingDir
	Env        []string // KEY=VALUE, set over the base's; see environment for PATH
	Ports      []string // PORT/PROTOCOL, besides the base's
	Volumes    []string // absolute paths, besides the base's
	StopSignal string   // empty keeps the base's
	// Healthcheck replaces the base's. Nil keeps the base's, as FROM of a Dockerfile
	// does; a Test of "NONE" removes it. See [HasHealthcheck].
	Healthcheck *Healthcheck

	Labels      map[string]string // over the image's own org.opencontainers.image.*
	Annotations map[string]string // likewise; with Docker's types they become labels
	Title       string            // org.opencontainers.image.title, where not empty
	Source      string            // org.opencontainers.image.source, where not empty
	Licenses    string            // org.opencontainers.image.licenses, an SPDX expression, likewise
	Revision    string            // org.opencontainers.image.revision, likewise
	Version     string            // org.opencontainers.image.version, likewise
	Date        string            // org.opencontainers.image.created, RFC 3339, likewise

	Created    time.Time // recorded exactly, in UTC; the zero time stands for the epoch of Unix
	MediaTypes MediaTypes
}

// Healthcheck is a health check as a config has it (moby image specification 1.2,
// with the StartInterval of Docker 25, which v1.HealthConfig lacks). Durations are
// nanoseconds there; zero values are left out.
type Healthcheck struct {
	Test          []string      `json:",omitempty"` // "CMD" and the arguments, or "NONE"
	Interval      time.Duration `json:",omitempty"`
	Timeout       time.Duration `json:",omitempty"`
	StartPeriod   time.Duration `json:",omitempty"`
	StartInterval time.Duration `json:",omitempty"`
	Retries       int           `json:",omitempty"`
}

// Addition is a layer of the image's own.
type Addition struct {
	Layer   v1.Layer
	History string // what it is, for the history's created_by
	Comment string // more about it, or empty
}

// BaseError is a base that no image can be made from.
type BaseError struct {
	Name   string // its reference, as recorded or as asked for
	Reason string
	// OnlyOCI says that it is the media types: with OCI's it can be built on.
	OnlyOCI bool
}

func (e *BaseError) Error() string {
	if e.Name == "" {
		return "using the base: " + e.Reason
	}
	return fmt.Sprintf("using base %s: %s", e.Name, e.Reason)
}

// created is the time that is recorded.
func (p *Parts) created() time.Time {
	if p.Created.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return p.Created.UTC()
}

// Described are the org.opencontainers.image.* values that the parts stand for: what an
// image gets as labels and annotations, and an index over such images as annotations.
func (p *Parts) Described() map[string]string {
	out := map[string]string{}
	set := func(key, value string) {
		if value != "" {
			out[key] = value
		}
	}
	set(keyTitle, p.Title)
	set(keySource, p.Source)
	set(keyLicenses, p.Licenses)
	set(keyRevision, p.Revision)
	set(keyVersion, p.Version)
	set(keyCreated, p.Date)
	if p.BaseDigest != (v1.Hash{}) {
		set(keyBaseName, p.BaseName)
		set(keyBaseDigest, p.BaseDigest.String())
	}
	return out
}

// check reports what the caller got wrong.
func (p *Parts) check() error {
	if p.Platform.OS == "" || p.Platform.Architecture == "" {
		return fmt.Errorf("assembling an image: no platform given")
	}
	for _, kv := range p.Env {
		if key, _, ok := strings.Cut(kv, "="); !ok || key == "" {
			return fmt.Errorf("assembling an image: environment variable %q is not of the form KEY=VALUE", key)
		}
	}
	return nil
}
