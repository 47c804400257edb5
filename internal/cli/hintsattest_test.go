package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/publish"
)

func TestAttestHints(t *testing.T) {
	refused := &publish.AttachError{Err: &publish.RegistryError{Registry: "r", Status: 400}}
	for _, c := range []struct {
		err        error
		want, lack string
	}{
		{refused, "--sbom none", "--cosign-tags"},
		{&attest.SignError{Err: refused}, "--cosign-tags (sign: {cosignTags: true})", "--sbom"},
		{&publish.TagError{Reference: "r/a:sha256-1"}, "overwritten r/a:sha256-1: delete that tag", ""},
		{&publish.ArtifactError{Err: &publish.DigestError{}}, "beside the image", "archive"},
		{&publish.ArtifactError{Err: &publish.NotFoundError{}}, "beside the image", "login"},
		{&publish.ArtifactError{Err: &publish.RegistryError{Registry: "r", Status: 200}}, "beside the image", "like a registry"},
		{&publish.ArtifactError{Err: &publish.SubjectError{}}, "another image", ""},
		{&publish.DigestError{Registry: "r"}, "r sends something else", "archive"},
		{&wire.Error{Code: wire.CodeNoTrustedRoot}, "--insecure-ignore-tlog", "--no-tlog"},
		{&attest.SignError{Err: &wire.Error{Code: wire.CodeNoTrustedRoot}}, "--no-tlog", "--insecure-ignore-tlog"},
		{&wire.Error{Code: wire.CodeWrongPassword}, "COSIGN_PASSWORD", ""},
	} {
		got := hint(&build.TargetError{Err: fmt.Errorf("x: %w", c.err)})
		if !strings.Contains(got, c.want) || c.lack != "" && strings.Contains(got, c.lack) {
			t.Errorf("%T: hint %q, want %q in it and not %q", c.err, got, c.want, c.lack)
		}
	}
}

// A hint names flags of the commands only that the error is of.
func TestHintsNameFlagsThatThereAre(t *testing.T) {
	a := &app{}
	for _, code := range []wire.Code{
		wire.CodeWrongPassword, wire.CodeBadKey, wire.CodeNoTrustedRoot, wire.CodeFulcio, wire.CodeRekor, wire.CodeTSA, wire.CodeOIDC,
	} {
		for _, word := range strings.FieldsFunc(sigstoreHint(code, true), func(r rune) bool { return strings.ContainsRune(" ,;()", r) }) {
			flag, ok := strings.CutPrefix(word, "--")
			for _, flags := range []*pflag.FlagSet{a.signCommand().Flags(), a.pushCommand().Flags()} {
				if ok && flags.Lookup(flag) == nil {
					t.Errorf("%s: what signs has no --%s", code, flag)
				}
			}
		}
	}
	verify := a.verifyCommand().Flags()
	for _, flag := range []string{"trusted-root", "insecure-ignore-tlog"} {
		if verify.Lookup(flag) == nil || !slices.Contains(strings.FieldsFunc(sigstoreHint(wire.CodeNoTrustedRoot, false), func(r rune) bool { return strings.ContainsRune(" ,;", r) }), "--"+flag) {
			t.Errorf("imgo verify, and its hint, name no --%s", flag)
		}
	}
}

func TestReportOfContent(t *testing.T) {
	got := reportText(&attest.Report{Reference: "r", Subjects: []attest.SubjectReport{{Digest: "d", Checks: []attest.Check{
		{Kind: attest.Content, OK: true, Detail: "config and 1 layer there"}, {Kind: attest.Content, Reason: "layer x is gone"},
	}}}})
	if want := "r\nd\n  ok      content  config and 1 layer there\n  FAILED  content  layer x is gone\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
