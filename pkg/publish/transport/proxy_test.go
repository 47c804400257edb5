package transport

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// A proxy with TLS is dialled by the transport of the registry behind it, and yet is
// somebody else: it is not shown the registry's client certificate.
func TestProxyIsNotTheRegistry(t *testing.T) {
	var shown, asked atomic.Int32
	count := func(r *http.Request) {
		asked.Add(1)
		shown.Add(int32(len(r.TLS.PeerCertificates)))
	}
	registry := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 1 {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	registry.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	registry.StartTLS()
	defer registry.Close()
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count(r)
		tunnel(t, w, registry.Listener.Addr().String())
	}))
	proxy.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	proxy.StartTLS()
	defer proxy.Close()

	// httptest's certificate is for example.com, and serves as the client's as well.
	pool := registry.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	p := Default(Options{TLS: &tls.Config{RootCAs: pool}, Registries: map[string]Registry{"example.com": writePair(t, registry.TLS.Certificates[0])}}).(*perHost)
	transport, err := p.transport("example.com")
	if err != nil {
		t.Fatal(err)
	}
	proxyURL, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport.Proxy = http.ProxyURL(proxyURL)
	resp, err := (&http.Client{Transport: p}).Get("https://example.com/v2/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusTeapot || asked.Load() != 1 || shown.Load() != 0 {
		t.Errorf("status %d, the proxy was asked %d times and shown %d certificates", resp.StatusCode, asked.Load(), shown.Load())
	}
	p.CloseIdleConnections() // the tunnel ends
}

func tunnel(t *testing.T, w http.ResponseWriter, addr string) {
	there, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	w.WriteHeader(http.StatusOK)
	here, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	go func() {
		_, _ = io.Copy(there, buffered)
		there.Close()
	}()
	_, _ = io.Copy(here, there)
	here.Close()
}

// writePair writes a certificate and its key into files.
func writePair(t *testing.T, pair tls.Certificate) Registry {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := Registry{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	for path, content := range map[string][]byte{r.Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), r.Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// Hosts without settings share their connections' transport; those with some don't.
func TestTransportsAreShared(t *testing.T) {
	dir := t.TempDir()
	p := Default(Options{CertDirs: []string{dir}}).(*perHost)
	a, err := p.transport("a.example")
	b, err2 := p.transport("b.example:5000")
	if err != nil || err2 != nil || a != p.shared || b != p.shared {
		t.Errorf("%v, %v", err, err2)
	}
	if _, ok := Default(Options{}).(*http.Transport); !ok {
		t.Error("without settings there is something between")
	}
}
