package config

import (
	"errors"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/pkg/build"
)

// AttestInput is what the user said of what is told of an image beside itself. Paths
// are relative to the working directory, as all of the command line are.
type AttestInput struct {
	SBOM        []string // formats, or "none"
	SBOMDir     string
	Provenance  bool
	Sign        bool
	Key         string // a key that is given has images signed
	NoTlog      bool
	CosignTags  bool
	FulcioURL   string
	RekorURL    string
	TSAURL      string
	TrustedRoot string
}

// sbomFormats are those of the command line and the environment.
func (r *resolver) sbomFormats() configfile.List {
	if !r.pos("sbom").IsSet() {
		return configfile.List{}
	}
	formats, err := configfile.ParseSBOM(r.in.SBOM)
	if err != nil {
		r.fail(r.pos("sbom").File, "%s", err)
	}
	return r.many("sbom", formats)
}

// signFlags are what the command line and the environment say of signing. Where that is
// only a detail, the value as a whole isn't set.
func (r *resolver) signFlags() configfile.Value[configfile.Sign] {
	out := configfile.Value[configfile.Sign]{V: configfile.Sign{
		Key:        r.one("key", r.in.Key),
		Log:        given(r, "no-tlog", !r.in.NoTlog),
		CosignTags: given(r, "cosign-tags", r.in.CosignTags),
	}}
	sign, key := r.pos("sign"), r.pos("key")
	off := sign.IsSet() && !r.in.Sign
	switch {
	case off && onCommandLine(sign) && onCommandLine(key):
		r.fail("--key", "--sign=false signs nothing: leave out one of the two")
	case off && !onCommandLine(key):
		return configfile.Value[configfile.Sign]{V: configfile.Sign{Off: true}, Pos: sign}
	case key.IsSet():
		out.Pos = key
	case sign.IsSet():
		out.V.Keyless, out.Pos = configfile.Value[bool]{V: true, Pos: sign}, sign
	}
	return out
}

// onCommandLine tells a flag from a variable and from what the file says.
func onCommandLine(p configfile.Pos) bool { return isFlag(p) && strings.HasPrefix(p.File, "--") }

// signOver puts flags over what the file says of signing: --sign has images signed in
// the file's way where it has one, --key with another key, and details are details.
func signOver(file, flags configfile.Value[configfile.Sign]) configfile.Value[configfile.Sign] {
	out, f := file, flags.V
	switch {
	case f.Off, flags.IsSet() && (!file.IsSet() || file.V.Off):
		return flags
	case f.Key.IsSet() && flags.IsSet():
		out.V.Key, out.V.Keyless, out.Pos = f.Key, configfile.Value[bool]{}, flags.Pos
	}
	if f.Log.IsSet() {
		out.V.Log = f.Log
	}
	if f.CosignTags.IsSet() {
		out.V.CosignTags = f.CosignTags
	}
	return out
}

// pushOnly refuses flags about what is kept in a registry where the image goes elsewhere.
// The environment and the configuration are there for all commands: what they say counts
// once the image is pushed.
func (r *resolver) pushOnly() {
	if r.in.Push {
		return
	}
	asks := func(flag string) bool { return onCommandLine(r.pos(flag)) }
	const beside = "in a registry, beside the image: use imgo push"
	for _, f := range []struct {
		flag string
		on   bool
	}{
		{"sign", r.in.Sign}, {"key", true}, {"no-tlog", r.in.NoTlog}, {"cosign-tags", r.in.CosignTags},
		{"fulcio-url", true}, {"rekor-url", true}, {"tsa-url", true},
	} {
		if f.on && asks(f.flag) {
			r.fail("--"+f.flag, "signatures live "+beside)
			break
		}
	}
	if r.in.Provenance && asks("provenance") {
		r.fail("--provenance", "provenance lives "+beside)
	}
	if asks("sbom") && !r.pos("sbom-dir").IsSet() && !slices.Equal(r.in.SBOM, []string{configfile.NoSBOM}) {
		r.fail("--sbom", "SBOMs live "+beside+", or write them to files with --sbom-dir DIR")
	}
}

// idle refuses flags that change nothing of any image.
func (r *resolver) idle(req *build.Request) {
	var listed, signed, logged, certified, verified bool
	note := func(image *build.Settings) {
		a := &image.Attest
		verified = verified || image.BaseTrust != nil
		listed = listed || a.SBOMDir != ""
		if s := a.Sign; s != nil {
			signed, logged, certified = true, logged || !s.NoLog, certified || s.Key == ""
		}
	}
	note(&req.Default)
	for i := range req.Images {
		note(&req.Images[i].Settings)
	}
	refuse := func(flag string, used bool, why string) {
		if !used && onCommandLine(r.pos(flag)) {
			r.fail("--"+flag, "%s", why)
		}
	}
	refuse("sbom-dir", listed, "no image has an SBOM: leave it out, or choose a format with --sbom")
	if !r.in.Push {
		refuse("trusted-root", verified, "no base is verified: add --verify-base, or leave it out")
		return
	}
	const nothing = "nothing is signed: add --sign, or --key FILE"
	refuse("no-tlog", signed || !r.in.NoTlog, nothing)
	refuse("cosign-tags", signed || !r.in.CosignTags, nothing)
	for _, flag := range []string{"fulcio-url", "rekor-url", "tsa-url"} {
		refuse(flag, signed, nothing)
	}
	refuse("trusted-root", signed || verified, nothing)
	if signed {
		r.idleServices(certified, logged)
	}
}

// idleServices refuses addresses of services that nothing is asked of.
func (r *resolver) idleServices(certified, logged bool) {
	if !certified && onCommandLine(r.pos("fulcio-url")) {
		r.fail("--fulcio-url", "a key needs no certificate: leave out the URL or the key")
	}
	if !logged && onCommandLine(r.pos("rekor-url")) {
		r.fail("--rekor-url", "nothing goes to a log: leave out the URL or --no-tlog")
	}
}

// Signing checks the flags of imgo sign, which are those of imgo push and mean the same.
func Signing(in Input) (*build.Signing, error) {
	r := resolver{in: in, workDir: in.Dir}
	flags := r.signFlags()
	s := r.signing(&flags.V, map[string]string{})
	r.idleServices(s.Key == "", !s.NoLog)
	return s, errors.Join(dedup(r.errs)...)
}
