//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// authority is a private CA with one server certificate for this machine.
type authority struct {
	ca       *x509.Certificate
	key      *ecdsa.PrivateKey
	leaf     []byte // DER
	leafKey  *ecdsa.PrivateKey
	leafCert tls.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a, err := makeAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func makeAuthority() (*authority, error) {
	now := time.Now()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	caTemplate := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "imgo e2e CA"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, caTemplate, caTemplate, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	a := &authority{key: caKey}
	if a.ca, err = x509.ParseCertificate(caDER); err != nil {
		return nil, err
	}
	if a.leafKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: caTemplate.NotBefore, NotAfter: caTemplate.NotAfter,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if a.leaf, err = x509.CreateCertificate(rand.Reader, template, a.ca, a.leafKey.Public(), caKey); err != nil {
		return nil, err
	}
	a.leafCert = tls.Certificate{Certificate: [][]byte{a.leaf}, PrivateKey: a.leafKey}
	return a, nil
}

// clientPEM is the certificate and key of somebody whom the authority vouches for.
func (a *authority) clientPEM() (cert, key string, err error) {
	clientKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "gopher"},
		NotBefore: a.ca.NotBefore, NotAfter: a.ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.ca, clientKey.Public(), a.key)
	if err != nil {
		return "", "", err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(clientKey)
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", keyDER), err
}

// pem is the CA's certificate.
func (a *authority) pem() string { return encode("CERTIFICATE", a.ca.Raw) }

// leafPEM is the server's certificate and key.
func (a *authority) leafPEM() (cert, key string, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.leafKey)
	return encode("CERTIFICATE", a.leaf), encode("PRIVATE KEY", der), err
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// client trusts this CA alone.
func (a *authority) client() *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(a.ca)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

// serve starts an HTTPS server for the time of the test and returns its URL.
func (a *authority) serve(t *testing.T, h http.Handler) string {
	srv := httptest.NewUnstartedServer(h)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{a.leafCert}}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail on purpose
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL
}
