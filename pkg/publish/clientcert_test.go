package publish

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

// A registry that wants a client certificate says so in an alert that crypto/tls has no
// exported type for.
func TestARegistryThatWantsAClientCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pair := []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: pair,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    x509.NewCertPool(), // trusts nobody
		MaxVersion:   tls.VersionTLS12,   // with 1.3 the alert can get lost on its way
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify:   true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair[0], nil },
	}}}
	resp, err := client.Get("https://" + l.Addr().String())
	if err == nil {
		resp.Body.Close()
		t.Fatal("the registry accepts everybody")
	}
	repo, nameErr := name.NewRepository(l.Addr().String() + "/x")
	if nameErr != nil {
		t.Fatal(nameErr)
	}
	e, ok := errors.AsType[*CertificateError](Classify(repo, true, false, err))
	if !ok || !e.Client {
		t.Errorf("%v is classified as %v", err, Classify(repo, true, false, err))
	}
}
