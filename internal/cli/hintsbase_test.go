package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/internal/baselock"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/imgo"
)

func TestHintsOfBases(t *testing.T) {
	preset := build.BaseTrust{Preset: "distroless"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&imgo.BaseSignatureError{Name: "docker.io/library/alpine:3.24", Want: preset}, "distroless is for bases of gcr.io/distroless: say who signs this one"},
		{&imgo.BaseSignatureError{Name: "gcr.io/distroless/static-debian13:nonroot", Want: preset}, "its tag may have moved"},
		{&imgo.BaseSignatureError{Others: []string{"signed by another key"}, Want: build.BaseTrust{Key: "k"}}, "log: false"},
		{&imgo.BaseSignatureError{Others: []string{"signed by x"}, Want: build.BaseTrust{Identity: "y"}}, "name it with verifyBase"},
		{&imgo.UnsignableBaseError{Base: "oci:x"}, "imgo sign"},
		{&imgo.NoBaseTrustError{Name: "x"}, "verifyBase in .imgo.yaml"},
		{&imgo.BaseVerifyError{Err: &wire.Error{Code: wire.CodeNoTrustedRoot}}, "verifyBase: {key: …, log: false}"},
		{&imgo.BaseVerifyError{Err: &wire.Error{Code: wire.CodeBadKey}}, "cosign.pub verifies"},
	} {
		if got := hint(fmt.Errorf("building: %w", c.err)); !strings.Contains(got, c.want) {
			t.Errorf("%v: hint %q, want %q", c.err, got, c.want)
		}
	}
}

func TestSignersOfPins(t *testing.T) {
	a, b := baselock.Signer{Key: "sha256:a"}, baselock.Signer{Identity: "me@example.com", Issuer: "https://i.example"}
	for want, p := range map[string]imgo.Pin{
		"":                       {},
		"signed by key sha256:a": {Verified: a},
		"warning: signed by me@example.com (https://i.example), and before by key sha256:a": {Verified: b, OldVerified: a},
		"warning: nobody had to have signed it, and before it was signed by key sha256:a":   {OldVerified: a},
	} {
		if got := signerNote(p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
