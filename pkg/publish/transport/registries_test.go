package transport_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// authority is a CA.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	key := newKey(t)
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue makes a certificate for 127.0.0.1 and localhost, good for servers and clients.
func (a authority) issue(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	k := newKey(t)
	raw, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, k.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// tlsServer answers with the name of the client certificate that it was shown, or "-",
// or redirects to the place in the query.
type tlsServer struct {
	url, host string
	conns     atomic.Int32
	asked     atomic.Int32
}

func serve(t *testing.T, ca authority, clients *authority, auth tls.ClientAuthType) *tlsServer {
	t.Helper()
	s := &tlsServer{}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		name := "-"
		if len(r.TLS.PeerCertificates) > 0 {
			name = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		_, _ = io.WriteString(w, name)
	}))
	pair, err := tls.X509KeyPair(ca.issue(t, "server"))
	if err != nil {
		t.Fatal(err)
	}
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: auth}
	if clients != nil {
		srv.TLS.ClientCAs = x509.NewCertPool()
		srv.TLS.ClientCAs.AddCert(clients.cert)
	}
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	s.url, s.host = srv.URL, strings.TrimPrefix(srv.URL, "https://")
	return s
}

// certs is a directory like certs.d.
type certs struct {
	t   *testing.T
	dir string
}

func newCerts(t *testing.T) certs { return certs{t, t.TempDir()} }

// put writes a file for a host and returns its path.
func (c certs) put(host, name string, content []byte) string {
	c.t.Helper()
	if runtime.GOOS == "windows" {
		host = strings.ReplaceAll(host, ":", "")
	}
	path := filepath.Join(c.dir, host, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// fetch returns what a server says.
func fetch(rt http.RoundTripper, url string) (string, *http.Response, error) {
	resp, err := (&http.Client{Transport: rt}).Get(url)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return string(raw), resp, err
}

func untrusted(err error) bool {
	_, ok := errors.AsType[x509.UnknownAuthorityError](err)
	return ok
}

func TestCAOfARegistry(t *testing.T) {
	one, other := newAuthority(t, "one"), newAuthority(t, "other")
	a, b := serve(t, one, nil, tls.NoClientCert), serve(t, other, nil, tls.NoClientCert)
	c := newCerts(t)
	rt := transport.Default(transport.Options{CertDirs: []string{filepath.Join(c.dir, "absent"), c.dir}, UserAgent: "imgo/1"})
	c.put(a.host, "ca.crt", append(other.pem, one.pem...)) // after Default: nothing is read before it is needed
	for range 3 {
		_, resp, err := fetch(rt, a.url)
		if err != nil || resp.ProtoMajor != 2 {
			t.Fatalf("%v, %+v", err, resp)
		}
	}
	if n := a.conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	// The CA of one is in the folder of the other, but counts there only.
	if _, _, err := fetch(rt, b.url); !untrusted(err) {
		t.Errorf("another host: %v", err)
	}
	if _, _, err := fetch(rt, a.url+"?to="+b.url); !untrusted(err) {
		t.Errorf("redirected to another host: %v", err)
	}
	// Nor does it get into what is trusted for all.
	rt = transport.Default(transport.Options{CertDirs: []string{c.dir}, TLS: &tls.Config{RootCAs: x509.NewCertPool()}})
	if _, _, err := fetch(rt, a.url); err != nil {
		t.Error(err)
	}
	if _, _, err := fetch(rt, b.url); !untrusted(err) {
		t.Errorf("another host after the first: %v", err)
	}
	c.put(b.host, "ca.crt", one.pem)
	if _, _, err := fetch(transport.Default(transport.Options{CertDirs: []string{c.dir}}), b.url); !untrusted(err) {
		t.Errorf("with the wrong CA: %v", err)
	}
}

func TestClientCertificate(t *testing.T) {
	ca := newAuthority(t, "servers")
	clients := newAuthority(t, "clients")
	strict := serve(t, ca, &clients, tls.RequireAndVerifyClientCert)
	curious := serve(t, ca, nil, tls.RequestClientCert)
	c := newCerts(t)
	cert, key := clients.issue(t, "imgo")
	c.put(strict.host, "ca.crt", ca.pem)
	c.put(strict.host, "client.cert", cert)
	c.put(strict.host, "client.key", key)
	c.put(strict.host, "README", []byte("not ours"))
	c.put(curious.host, "ca.crt", ca.pem)
	rt := transport.Default(transport.Options{CertDirs: []string{c.dir}})
	got, resp, err := fetch(rt, strict.url)
	if err != nil || got != "imgo" || resp.ProtoMajor != 2 {
		t.Errorf("%q, %v", got, err)
	}
	for _, url := range []string{curious.url, strict.url + "?to=" + curious.url} {
		if got, _, err := fetch(rt, url); err != nil || got != "-" {
			t.Errorf("%s was shown %q, %v", url, got, err)
		}
	}
	if curious.asked.Load() != 2 || strict.asked.Load() != 2 {
		t.Error("some were not asked")
	}
	rt = transport.Default(transport.Options{Registries: map[string]transport.Registry{
		strict.host: {CA: []string{c.put("x", "ca.crt", ca.pem)}},
	}})
	if _, _, err := fetch(rt, strict.url); err == nil {
		t.Error("without a certificate it is let in")
	}
}

// What is named comes on top of a directory, and a host stands for its ports.
func TestNamedFiles(t *testing.T) {
	ca, clients := newAuthority(t, "servers"), newAuthority(t, "clients")
	srv := serve(t, ca, nil, tls.RequestClientCert)
	c := newCerts(t)
	caFile := c.put("files", "ca.pem", ca.pem)
	pair := func(name string) (string, string) {
		cert, key := clients.issue(t, name)
		return c.put("files", name+".pem", cert), c.put("files", name+"-key.pem", key)
	}
	cert, key := pair("named")
	c2, k2 := clients.issue(t, "found")
	c.put(srv.host, "ca.crt", ca.pem)
	c.put(srv.host, "c.cert", c2)
	c.put(srv.host, "c.key", k2)
	system := x509.NewCertPool()
	system.AddCert(ca.cert)
	localhost := strings.Replace(srv.host, "127.0.0.1", "localhost", 1)
	for _, tc := range []struct {
		name string
		url  string
		opts transport.Options
		want string
	}{
		{"certificate on top of the directory", srv.host, transport.Options{CertDirs: []string{c.dir}, Registries: map[string]transport.Registry{srv.host: {Cert: cert, Key: key}}}, "named"},
		{"CA on top of the directory", srv.host, transport.Options{CertDirs: []string{c.dir}, Registries: map[string]transport.Registry{srv.host: {CA: []string{caFile}}}}, "found"},
		{"a host for all ports", localhost, transport.Options{Registries: map[string]transport.Registry{"LOCALHOST": {CA: []string{caFile}, Cert: cert, Key: key}}}, "named"},
		{"a port before the host", localhost, transport.Options{Registries: map[string]transport.Registry{"localhost": {Cert: "absent", Key: "absent"}, localhost: {CA: []string{caFile}}}}, "-"},
		{"on top of the system's", srv.host, transport.Options{TLS: &tls.Config{RootCAs: system}, Registries: map[string]transport.Registry{srv.host: {Cert: cert, Key: key}}}, "named"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, _, err := fetch(transport.Default(tc.opts), "https://"+tc.url); err != nil || got != tc.want {
				t.Errorf("%q, %v, want %q", got, err, tc.want)
			}
		})
	}
	other := map[string]transport.Registry{"other.example": {CA: []string{caFile}, Cert: cert, Key: key}, "localhost:1": {CA: []string{caFile}}}
	if _, _, err := fetch(transport.Default(transport.Options{Registries: other}), "https://"+localhost); !untrusted(err) {
		t.Errorf("another's CA: %v", err)
	}
}

func TestSettingsErrors(t *testing.T) {
	ca := newAuthority(t, "ca")
	cert, key := ca.issue(t, "imgo")
	_, otherKey := ca.issue(t, "other")
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	malformed := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	const host = "registry.example:5000"
	for _, tc := range []struct {
		name  string
		files map[string][]byte
		path  string // the file that is named
		says  string
	}{
		{"no PEM", map[string][]byte{"ca.crt": ca.cert.Raw}, "ca.crt", "no certificate in PEM form"},
		{"only a key", map[string][]byte{"ca.crt": key}, "ca.crt", "no certificate in PEM form"},
		{"a malformed one in a bundle", map[string][]byte{"ca.crt": append(ca.pem, malformed...)}, "ca.crt", "its certificate 2 is malformed"},
		{"no key", map[string][]byte{"c.cert": cert}, "c.cert", "its key c.key is missing"},
		{"no certificate", map[string][]byte{"c.key": key}, "c.key", "its certificate c.cert is missing"},
		{"another's key", map[string][]byte{"c.cert": cert, "c.key": otherKey}, "c.key", "private key does not match public key"},
		{"no key in the key", map[string][]byte{"c.cert": cert, "c.key": cert}, "c.key", "no private key in PEM form"},
		{"an encrypted key", map[string][]byte{"c.cert": cert, "c.key": encrypted}, "c.key", "encrypted"},
		{"no certificate in the certificate", map[string][]byte{"c.cert": key, "c.key": key}, "c.cert", "no certificate in PEM form"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCerts(t)
			path := ""
			for name, content := range tc.files {
				if p := c.put(host, name, content); name == tc.path {
					path = p
				}
			}
			_, _, err := fetch(transport.Default(transport.Options{CertDirs: []string{c.dir}}), "https://"+host+"/v2/")
			se, ok := errors.AsType[*transport.SettingsError](err)
			if !ok || se.Registry != host || se.Path != path || !strings.Contains(se.Error(), tc.says) || !strings.Contains(se.Error(), path) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestCheckRegistries(t *testing.T) {
	c := newCerts(t)
	ca := newAuthority(t, "ca")
	cert, key := ca.issue(t, "imgo")
	caFile, certFile, keyFile := c.put("x", "ca.pem", ca.pem), c.put("x", "c.pem", cert), c.put("x", "k.pem", key)
	absent := filepath.Join(c.dir, "absent.pem")
	good := transport.Registry{CA: []string{caFile}, Cert: certFile, Key: keyFile}
	if err := transport.CheckRegistries(map[string]transport.Registry{"a": good, "b": {}}); err != nil {
		t.Error(err)
	}
	for path, bad := range map[string]transport.Registry{
		absent:   {CA: []string{caFile, absent}},
		certFile: {Cert: certFile},
		keyFile:  {Key: keyFile},
		c.dir:    {Cert: c.dir, Key: keyFile},
	} {
		err := transport.CheckRegistries(map[string]transport.Registry{"a": good, "r.example": bad})
		se, ok := errors.AsType[*transport.SettingsError](err)
		if !ok || se.Path != path || se.Registry != "r.example" || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: %v", path, err)
		}
	}
	err := transport.CheckRegistries(map[string]transport.Registry{"a": {CA: []string{absent}}})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// No name of a host leads out of the directory, and a directory that nobody but root
// may look into is as good as none.
func TestCertDirsThatDontCount(t *testing.T) {
	ca := newAuthority(t, "ca")
	srv := serve(t, ca, nil, tls.NoClientCert)
	c := newCerts(t)
	c.put("certs.d", ".keep", nil)
	c.put(".", "c.cert", nil) // would be an error
	rt := transport.Default(transport.Options{CertDirs: []string{filepath.Join(c.dir, "certs.d"), "relative"}})
	for _, host := range []string{"..", "."} {
		_, _, err := fetch(rt, "https://"+host+"/")
		if _, ok := errors.AsType[*transport.SettingsError](err); ok || err == nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	c.put(srv.host, "c.cert", nil)
	if err := os.Chmod(c.dir, 0); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(c.dir, 0o700) }()
	if _, err := os.ReadDir(c.dir); err == nil {
		return // root, or a system without such modes
	}
	if _, _, err := fetch(transport.Default(transport.Options{CertDirs: []string{c.dir}}), srv.url); !untrusted(err) {
		t.Errorf("%v", err)
	}
}

func TestCertDirs(t *testing.T) {
	if runtime.GOOS == "windows" {
		got := transport.CertDirs([]string{`ProgramData=C:\ProgramData`})
		if diff := cmp.Diff([]string{`C:\ProgramData\docker\certs.d`}, got); diff != "" {
			t.Error(diff)
		}
		return
	}
	got := transport.CertDirs([]string{"HOME=/h", "XDG_CONFIG_HOME=/old", "XDG_CONFIG_HOME=/c"})
	want := []string{"/c/containers/certs.d", "/c/docker/certs.d", "/h/.docker/certs.d", "/etc/containers/certs.d", "/etc/docker/certs.d"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	want[0], want[1] = "/h/.config/containers/certs.d", "/h/.config/docker/certs.d"
	if diff := cmp.Diff(want, transport.CertDirs([]string{"HOME=/h"})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[3:], transport.CertDirs([]string{"HOME="})); diff != "" {
		t.Error(diff)
	}
}
