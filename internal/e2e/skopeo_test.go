//go:build e2e

package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// skopeo runs a subcommand of skopeo on registries without TLS or with any
// certificate, and on archives.
func skopeo(s *sandbox, command string, args ...string) string {
	s.t.Helper()
	return s.run("skopeo", skopeoArgs(command, args)...)
}

func skopeoArgs(command string, args []string) []string {
	all := []string{"--insecure-policy", command}
	touches := func(side string) bool {
		return slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, side) })
	}
	if touches("docker://") {
		switch command {
		case "copy":
			all = append(all, "--src-tls-verify=false", "--dest-tls-verify=false")
		default:
			all = append(all, "--tls-verify=false")
		}
	}
	return append(all, args...)
}

// inspected is what skopeo inspect says about an image.
type inspected struct {
	Digest       string
	Created      time.Time
	Architecture string
	Os           string
	Layers       []string
	Labels       map[string]string
	Env          []string
}

func inspect(s *sandbox, source string) inspected {
	s.t.Helper()
	var img inspected
	if err := json.Unmarshal([]byte(skopeo(s, "inspect", source)), &img); err != nil {
		s.t.Fatal(err)
	}
	return img
}

// skopeoRaw is the manifest, or the index, byte for byte.
func skopeoRaw(s *sandbox, source string) []byte {
	s.t.Helper()
	r := s.try("skopeo", skopeoArgs("inspect", []string{"--raw", source})...)
	if r.code != 0 {
		s.t.Fatalf("skopeo failed:\n%s", r)
	}
	return []byte(r.stdout)
}

// rawDigest is the digest of what a name stands for, computed here.
func rawDigest(s *sandbox, source string) string {
	s.t.Helper()
	return fmt.Sprintf("sha256:%x", sha256.Sum256(skopeoRaw(s, source)))
}
