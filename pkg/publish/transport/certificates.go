package transport

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SettingsError says that a file which a connection to a registry needs can't be used.
type SettingsError struct {
	Registry string // host or host:port
	Path     string // of the file; empty where it is about the system's certificates
	Err      error  // without anything of a key
}

func (e *SettingsError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("connecting to %s: %v", e.Registry, e.Err)
	}
	return fmt.Sprintf("reading %s for connections to %s: %v", e.Path, e.Registry, e.Err)
}
func (e *SettingsError) Unwrap() error { return e.Err }

// certificates are what the files of a registry hold.
type certificates struct {
	ca     []*x509.Certificate
	client []tls.Certificate
}

func (c certificates) empty() bool { return len(c.ca) == 0 && len(c.client) == 0 }

// load reads the files of a registry. The error is a [*SettingsError].
func (r Registry) load(host string) (certificates, error) {
	var out certificates
	for _, path := range r.CA {
		ca, err := readCA(path, host)
		if err != nil {
			return certificates{}, err
		}
		out.ca = append(out.ca, ca...)
	}
	if r.Cert == "" && r.Key == "" {
		return out, nil
	}
	if r.Cert == "" || r.Key == "" {
		return certificates{}, &SettingsError{Registry: host, Path: r.Cert + r.Key, Err: errors.New("a client certificate is of no use without its key, nor a key without its certificate")}
	}
	client, err := readPair(r.Cert, r.Key, host)
	if err != nil {
		return certificates{}, err
	}
	out.client = []tls.Certificate{client}
	return out, nil
}

// readFolder reads a folder of certs.d as docker and podman do: *.crt are CAs, NAME.cert
// and NAME.key are a client certificate, and nothing else counts.
func readFolder(folder, host string, files []fs.DirEntry) (certificates, error) {
	names := map[string]bool{}
	for _, f := range files {
		names[f.Name()] = true
	}
	var out certificates
	for _, name := range sorted(names) {
		path := filepath.Join(folder, name)
		stem, ext := strings.TrimSuffix(name, filepath.Ext(name)), filepath.Ext(name)
		switch {
		case ext == ".crt":
			ca, err := readCA(path, host)
			if err != nil {
				return certificates{}, err
			}
			out.ca = append(out.ca, ca...)
		case ext == ".cert" && !names[stem+".key"]:
			return certificates{}, &SettingsError{Registry: host, Path: path, Err: fmt.Errorf("its key %s.key is missing", stem)}
		case ext == ".key" && !names[stem+".cert"]:
			return certificates{}, &SettingsError{Registry: host, Path: path, Err: fmt.Errorf("its certificate %s.cert is missing (a CA would be called %s.crt)", stem, stem)}
		case ext == ".cert":
			client, err := readPair(path, filepath.Join(folder, stem+".key"), host)
			if err != nil {
				return certificates{}, err
			}
			out.client = append(out.client, client)
		}
	}
	return out, nil
}

// readCA reads a bundle of certificates, of which each has to be one.
func readCA(path, host string) ([]*x509.Certificate, error) {
	raw, err := readFile(path, host)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &SettingsError{Registry: host, Path: path, Err: fmt.Errorf("its certificate %d is malformed: %w", len(certs)+1, err)}
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, &SettingsError{Registry: host, Path: path, Err: errNoCertificate}
	}
	return certs, nil
}

var errNoCertificate = errors.New("it has no certificate in PEM form")

// readPair reads a client certificate and its key. What crypto/tls says of a key that
// it can't read contains nothing of it.
func readPair(cert, key, host string) (tls.Certificate, error) {
	fail := func(path string, err error) (tls.Certificate, error) {
		return tls.Certificate{}, &SettingsError{Registry: host, Path: path, Err: err}
	}
	certPEM, err := readFile(cert, host)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM, err := readFile(key, host)
	if err != nil {
		return tls.Certificate{}, err
	}
	if !hasBlock(certPEM, func(b *pem.Block) bool { return b.Type == "CERTIFICATE" }) {
		return fail(cert, errNoCertificate)
	}
	if hasBlock(keyPEM, func(b *pem.Block) bool {
		return b.Type == "ENCRYPTED PRIVATE KEY" || b.Headers["DEK-Info"] != ""
	}) {
		return fail(key, errors.New("the key is encrypted with a passphrase"))
	}
	if !hasBlock(keyPEM, func(b *pem.Block) bool { return strings.HasSuffix(b.Type, "PRIVATE KEY") }) {
		return fail(key, errors.New("it has no private key in PEM form"))
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return fail(key, fmt.Errorf("with the certificate %s: %s", cert, strings.TrimPrefix(err.Error(), "tls: ")))
	}
	return pair, nil
}

func hasBlock(raw []byte, is func(*pem.Block) bool) bool {
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if is(block) {
			return true
		}
	}
	return false
}

// readFile reads a file of a registry's.
func readFile(path, host string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return nil, &SettingsError{Registry: host, Path: path, Err: err}
	}
	return raw, nil
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
