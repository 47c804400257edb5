package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const rootsModule = "golang.org/x/crypto/x509roots/fallback"

// roots is the CA bundle.
type roots struct {
	version string   // of rootsModule
	pem     []byte   // the certificates, each after a comment with its subject
	omitted []string // the subjects of those that PEM can't express
}

// caRoots reads the bundle that this program was built with. Roots that are trusted
// only for certificates of before some date are left out: a PEM file would make them
// trusted without limit.
func caRoots() (roots, error) {
	version, err := moduleVersion(rootsModule)
	if err != nil {
		return roots{}, err
	}
	type root struct {
		subject string
		sum     [sha256.Size]byte
		der     []byte
	}
	r := roots{version: version}
	var list []root
	for entry := range bundle.Roots() {
		cert, err := x509.ParseCertificate(entry.Certificate)
		if err != nil {
			return roots{}, fmt.Errorf("parsing a root: %w", err)
		}
		subject := cert.Subject.String()
		if entry.Constraint != nil {
			r.omitted = append(r.omitted, subject)
			continue
		}
		list = append(list, root{subject, sha256.Sum256(cert.Raw), cert.Raw})
	}
	slices.Sort(r.omitted)
	slices.SortFunc(list, func(a, b root) int {
		return cmp.Or(cmp.Compare(a.subject, b.subject), bytes.Compare(a.sum[:], b.sum[:]))
	})
	var out bytes.Buffer
	for _, root := range list {
		fmt.Fprintf(&out, "# %s\n", root.subject)
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.der}); err != nil {
			return roots{}, err
		}
	}
	r.pem = out.Bytes()
	return r, nil
}

// moduleVersion is the version of a module that this program was built with.
func moduleVersion(path string) (string, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", errors.New("this program has no build information")
	}
	for _, m := range info.Deps {
		if m.Path == path && m.Replace == nil {
			return m.Version, nil
		}
	}
	return "", fmt.Errorf("this program was not built with a released version of %s", path)
}
