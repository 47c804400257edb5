package config

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/pkg/build"
)

// DefaultSBOM is the format of the one SBOM that there is where nothing is said.
const DefaultSBOM = "spdx"

// OnPush begins the name of an origin of a setting that counts where the image is
// pushed, and so not in this run: "push.sign".
const OnPush = "push."

// attest says what is told of an image beside itself, and where that comes from. A
// tarball, a layout and an engine have no place for any of it.
func (r *resolver) attest(s *configfile.Settings, origins map[string]string) build.Attestations {
	formats := []string{DefaultSBOM}
	if s.SBOM.IsSet() {
		formats = s.SBOM.Strings()
	}
	if slices.Contains(formats, configfile.NoSBOM) {
		formats = nil
	}
	push, dir := r.in.Push, r.sbomDir()
	signed := s.Sign.IsSet() && !s.Sign.V.Off
	provenance := signed
	if s.Provenance.IsSet() {
		provenance = s.Provenance.V
	}
	note := func(name string, p configfile.Pos, here bool) {
		if !here {
			name = OnPush + name
		}
		if p.IsSet() {
			origins[name] = p.String()
		}
	}
	note("sbom", s.SBOM.Pos, push || dir != "" || formats == nil)
	note("provenance", s.Provenance.Pos, push || !provenance)
	note("sign", s.Sign.Pos, push || !signed)

	var out build.Attestations
	if formats != nil && (push || dir != "") {
		out.SBOM, out.SBOMDir = formats, dir
		note("sbomDir", r.pos("sbom-dir"), true)
	}
	if push {
		out.Provenance = provenance
	}
	if push && signed {
		out.Sign = r.signing(&s.Sign.V, origins)
	}
	return out
}

// signing checks how an image is signed.
func (r *resolver) signing(s *configfile.Sign, origins map[string]string) *build.Signing {
	out := &build.Signing{NoLog: s.Log.IsSet() && !s.Log.V, CosignTags: s.CosignTags.V}
	switch key := s.Key; {
	case !key.IsSet() && out.NoLog:
		r.fail(at(s.Log.Pos, "sign"), "a certificate is valid for minutes, and the log says that it was used in these: sign with a key, or leave it out")
		out.NoLog = false
	case !key.IsSet():
	case isFlag(key.Pos):
		_, err := configfile.ParseKey(key.V)
		if err != nil {
			r.fail(key.Pos.File, "%s", err)
			break
		}
		out.Key = r.existing(key)
		if public(out.Key) {
			r.fail(key.Pos.File, "%s holds a public key, which signs nothing: name the private key, such as cosign.key", key.V)
		}
	default:
		out.Key = r.path(key.V, key.Pos)
	}
	for _, service := range []struct {
		flag, value, name string
		in                *string
	}{
		{"fulcio-url", r.in.FulcioURL, "fulcioURL", &out.FulcioURL},
		{"rekor-url", r.in.RekorURL, "rekorURL", &out.RekorURL},
		{"tsa-url", r.in.TSAURL, "tsaURL", &out.TSAURL},
	} {
		v := r.one(service.flag, service.value, parseURL)
		if v.IsSet() {
			*service.in, origins[service.name] = v.V, v.Pos.String()
		}
	}
	if root := r.one("trusted-root", r.in.TrustedRoot); root.IsSet() {
		out.TrustedRoot, origins["trustedRoot"] = r.existing(root), root.Pos.String()
	}
	return out
}

// parseURL reads the address of a service. Many authorities of time stamps are reached
// over plain HTTP; what they say is signed.
func parseURL(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err == nil && u.User != nil:
		return "", errors.New("the URL of a service holds no password: leave out the part before '@'")
	case err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("it is not the URL of a service, such as https://rekor.example")
	}
	return strings.TrimSuffix(s, "/"), nil
}

// existing is a file that the command line names, absolute: what lacks it is better told
// before a build than after.
func (r *resolver) existing(file configfile.Value[string]) string {
	path := r.fromWorkDir(file.V)
	switch info, err := os.Stat(path); {
	case file.V == "":
		r.fail(file.Pos.File, "it names no file")
	case err != nil:
		r.errs = append(r.errs, &Error{Setting: file.Pos.File, Reason: err.Error(), Err: err})
	case info.IsDir():
		r.fail(file.Pos.File, "%s is a directory, not a file", file.V)
	}
	return path
}

// public reports whether a file holds a public key (RFC 7468, section 13).
func public(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4<<10)
	n, _ := io.ReadFull(f, head)
	return bytes.Contains(head[:n], []byte("-----BEGIN PUBLIC KEY-----"))
}

func (r *resolver) fromWorkDir(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(r.workDir, path)
}

// sbomDir is where copies of SBOMs go, absolute, or empty.
func (r *resolver) sbomDir() string {
	dir := r.one("sbom-dir", r.in.SBOMDir)
	if !dir.IsSet() {
		return ""
	}
	path := r.fromWorkDir(dir.V)
	if info, err := os.Stat(path); err == nil && !info.IsDir() || dir.V == "" {
		r.fail(dir.Pos.File, "%q is not a directory", dir.V)
	}
	return path
}
