package config

import (
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/pkg/build"
)

// basePresets are the signers of known bases, as they name themselves:
// https://github.com/GoogleContainerTools/distroless (README, "How do I verify distroless
// images?") and https://edu.chainguard.dev (verifying images).
var basePresets = map[string]build.BaseTrust{
	"distroless": {
		Identity: "keyless@distroless.iam.gserviceaccount.com",
		Issuer:   "https://accounts.google.com",
	},
	"chainguard": {
		Identity: "https://github.com/chainguard-images/images/.github/workflows/release.yaml@refs/heads/main",
		Issuer:   "https://token.actions.githubusercontent.com",
	},
}

// verifyBaseFlag is what the command line and the environment say of who has to have
// signed the base.
func (r *resolver) verifyBaseFlag() configfile.Value[configfile.VerifyBase] {
	pos := r.pos("verify-base")
	if !pos.IsSet() {
		return configfile.Value[configfile.VerifyBase]{}
	}
	v, err := configfile.ParseVerifyBase(r.in.VerifyBase)
	if err != nil {
		r.fail(pos.File, "%s", err)
		return configfile.Value[configfile.VerifyBase]{}
	}
	if v.Key.V != "" {
		v.Key.Pos = pos
	}
	return configfile.Value[configfile.VerifyBase]{V: v, Pos: pos}
}

// baseTrust is who has to have signed the bases of an image; nil for nobody.
func (r *resolver) baseTrust(s *configfile.Settings, origins map[string]string) *build.BaseTrust {
	v := &s.VerifyBase.V
	if !s.VerifyBase.IsSet() {
		return nil
	}
	origins["verifyBase"] = s.VerifyBase.Pos.String()
	if v.Off {
		return nil
	}
	out := build.BaseTrust{
		Identity: v.Identity.V, IdentityRegexp: v.IdentityRegexp.V, Issuer: v.Issuer.V, IssuerRegexp: v.IssuerRegexp.V,
	}
	switch {
	case v.Preset != "":
		out = basePresets[v.Preset]
		out.Preset = v.Preset
	case v.Key.IsSet():
		out.Key, out.NoLog = r.publicKey(v.Key), v.Log.IsSet() && !v.Log.V
	}
	if root := r.one("trusted-root", r.in.TrustedRoot); root.IsSet() {
		out.TrustedRoot, origins["trustedRoot"] = r.existing(root), root.Pos.String()
	}
	return &out
}

// publicKey is the absolute path of a public key. What lacks it, or holds something else,
// is better told before a build than in the middle of it.
func (r *resolver) publicKey(key configfile.Value[string]) string {
	setting, path := at(key.Pos, "verifyBase.key"), r.path(key.V, key.Pos)
	if isFlag(key.Pos) {
		path = r.fromWorkDir(key.V)
	}
	if err := checkPublicKey(path); err != nil {
		r.errs = append(r.errs, &Error{Setting: setting, Reason: err.Error(), Err: err})
	}
	return path
}

// maxKey bounds the file of a key, in bytes.
const maxKey = 1 << 20

func checkPublicKey(path string) error {
	// Before it is opened, since to open a pipe may take for ever.
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxKey))
	if err != nil {
		return err
	}
	block, _ := pem.Decode(raw)
	switch {
	case block == nil:
		return fmt.Errorf("%s holds no public key in PEM form", path)
	case strings.Contains(block.Type, "PRIVATE"):
		return fmt.Errorf("%s is a private key: name the public one, such as cosign.pub, by which signatures are verified", path)
	case !strings.HasSuffix(block.Type, "PUBLIC KEY"):
		return fmt.Errorf("%s holds no public key but %q", path, block.Type)
	}
	return nil
}
