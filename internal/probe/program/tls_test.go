//go:build !notls

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// On the loopback any certificate will do, elsewhere it won't.
func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1, 0)} // expired
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	address := serve(t, tls.NewListener(listen(t, "127.0.0.1:0"), config), "HTTP/1.1 200 OK\r\n\r\n")
	check(t, 0, "", "https://"+address+"/")

	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := secure(conn, target{host: "example.com"}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("another host's certificate is not verified: %v", err)
	}
	for host, want := range map[string]bool{"localhost": true, "127.1.2.3": true, "::1": true, "10.0.0.1": false, "localhost.example.com": false} {
		if isLoopback(host) != want {
			t.Errorf("isLoopback(%s) = %v", host, !want)
		}
	}
}

func TestTargetTLS(t *testing.T) {
	for url, want := range map[string]target{
		"https://a:1/b?c@d": {"https", "a:1", "a", "a:1", "/b?c@d"},
		"https://[::1]/":    {"https", "[::1]:443", "::1", "[::1]", "/"},
	} {
		if got, err := parseTarget(url); err != nil || got != want {
			t.Errorf("parseTarget(%s) = %+v, %v", url, got, err)
		}
	}
}
