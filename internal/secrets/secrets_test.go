package secrets

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// random makes a word of n characters. The secrets of these tests are made up as they
// run, since a file with secrets by shape is refused in many places.
func random(alphabet string, n int) string {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func scan(path string, chunks ...string) string {
	s := NewScanner(path)
	for _, c := range chunks {
		s.Write([]byte(c))
	}
	f, _ := s.Finding()
	return f.Rule
}

const begin = "-----BEGIN "

// pem is a private key that opens nothing.
func pem(label string) string {
	return begin + label + "-----\n" + random(base64s, 64) + "\n" + random(base64s, 64) + "\n-----END " + label + "-----\n"
}

func TestContent(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	secret := random(base64s, 40)
	tests := map[string]string{
		pem("PRIVATE KEY"):                                      "private key",
		pem("RSA PRIVATE KEY"):                                  "private key",
		pem("OPENSSH PRIVATE KEY"):                              "private key",
		pem("ENCRYPTED PRIVATE KEY"):                            "private key",
		pem("PGP PRIVATE KEY BLOCK"):                            "private key",
		indent(pem("EC PRIVATE KEY")):                           "private key",
		strings.ReplaceAll(pem("EC PRIVATE KEY"), "\n", "\r\n"): "private key",
		`{"type": "service_account", "private_key": "` + strings.ReplaceAll(pem("PRIVATE KEY"), "\n", `\n`) + `"}`: "private key",
		begin + "RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n" + random(base64s, 64): "private key",
		`k = "` + begin + `PRIVATE KEY-----\n" + "` + random(base64s, 64) + `"`:                                    "private key",
		"PuTTY-User-Key-File-" + "3: ssh-ed25519\n":                                                                "private key",
		"AGE-SECRET-KEY-1" + random(upper+digits, 58):                                                              "age identity",
		"id AKIA" + random(upper+"234567", 16) + "\nsecret = " + secret + "\n":                                     "AWS access key",
		"secret " + secret + " id ASIA" + random(upper+"234567", 16):                                               "AWS access key",
		"aws_secret_access_key = " + secret:                                                                        "AWS access key",
		`"SecretAccessKey": "` + secret + `"`:                                                                      "AWS access key",
		"\textraheader = AUTHORIZATION: basic " + random(base64s, 60) + "==":                                       "HTTP credentials",
		"Authorization: Bearer " + random(urlsafe, 40):                                                             "HTTP credentials",
		"AccountName=x;AccountKey=" + random(base64s, 86) + "==;":                                                  "Azure storage key",
		"key: AIza" + random(urlsafe, 35):                                                                          "Google API key",
		"GOCSPX-" + random(urlsafe, 28):                                                                            "Google OAuth client secret",
		"ghp_" + random(alphanum, 36):                                                                              "GitHub token",
		`a\nghs_` + random(alphanum, 36):                                                                           "GitHub token",
		"github_pat_" + random(alphanum, 22) + "_" + random(alphanum, 59):                                          "GitHub token",
		"glpat-" + random(urlsafe, 20):                                                                             "GitLab token",
		"xoxb-" + random(digits, 12) + "-" + random(alphanum, 24):                                                  "Slack token",
		"npm_" + random(alphanum, 36):                                                                              "npm token",
		"//registry.npmjs.org/:_authToken=" + random("0123456789abcdef", 32):                                       "npm token",
		"pypi-AgEIcHlwaS5vcmc" + random(urlsafe, 120):                                                              "PyPI token",
		"dckr_pat_" + random(urlsafe, 27):                                                                          "Docker access token",
		`{"auths":{"ghcr.io":{"auth":"` + b64([]byte("me:hunter2")) + `"}}}`:                                       "registry credentials",
		`{"auths":{"ecr":{"auth": "` + b64([]byte("AWS:"+strings.Repeat("eyJ", 900))) + `"}}}`:                     "registry credentials",
		`{"auths":{"acr":{"identitytoken":"` + random(urlsafe, 64) + `"}}}`:                                        "registry credentials",
		".dockerconfigjson: " + b64([]byte(`{"auths":{"ghcr.io":{"auth":"`+random(base64s, 40)+`"}}}`)):            "registry credentials",
		"client-key-data: " + b64([]byte(pem("EC PRIVATE KEY"))):                                                   "kubeconfig",
		"users:\n- name: x\n  user:\n    token: " + random(alphanum, 30):                                           "kubeconfig",
		"machine example.com\n  login me\n  password hunter2\n":                                                    "netrc password",
		"sk_live_" + random(alphanum, 24):                                                                          "Stripe key",
		"sk-ant-api03-" + random(urlsafe, 95):                                                                      "Anthropic API key",
		"sk-proj-" + random(urlsafe, 48):                                                                           "OpenAI API key",
		"dop_v1_" + random("0123456789abcdef", 64):                                                                 "DigitalOcean token",
		"hvs." + random(urlsafe, 95):                                                                               "Vault token",

		"":                                     "",
		"-":                                    "",
		pem("CERTIFICATE"):                     "",
		pem("PUBLIC KEY"):                      "",
		pem("PGP PUBLIC KEY BLOCK"):            "",
		begin + "PRIVATE KEY-----":             "", // as in every program that reads keys
		begin + "PRIVATE KEY-----\nMIIEv...\n": "",
		begin + "PRIVATE KEY-----\n" + strings.Repeat("x", 64):                     "",
		"AKIA" + random(upper+"234567", 16):                                        "", // public without its secret
		"AKIA" + random(upper+"234567", 16) + " " + random("0123456789abcdef", 40): "", // a commit
		"AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY":            "",
		"Authorization: Bearer YOUR_TOKEN_HERE":                                    "",
		"AccountKey=" + azurite + random(base64s, 66) + "==":                       "",
		"ghp_" + strings.Repeat("x", 36):                                           "",
		"ghp_abcdefghijklmnopqrstuvwxyz0123456789":                                 "",
		"ghp_" + random(alphanum, 35):                                              "",
		"someghp_" + random(alphanum, 36):                                          "",
		"AIza" + random(urlsafe, 36):                                               "",
		"glpat-" + random(urlsafe, 19):                                             "",
		"xoxb-your-bot-token-goes-here":                                            "",
		"//registry.npmjs.org/:_authToken=${NPM_TOKEN_OF_THE_ORGANISATION}":        "",
		`{"auths":{"ghcr.io":{}}, "auth": "bm90aGluZw=="}`:                         "",
		`{"auth": "` + b64([]byte("user:<password>")) + `"}`:                       "",
		"the machine login is root, password hunter2":                              "",
		"machine example.com login me password ${PASSWORD}":                        "",
		"user:\n  token: $TOKEN_OF_THE_DEPLOYMENT":                                 "",
		"eyJhbGciOiJIUzI1NiJ9." + random(urlsafe, 60) + "." + random(urlsafe, 43):  "", // public ones abound
		"password = hunter2":                                                       "",
	}
	for content, want := range tests {
		if got := scan("file", content); got != want {
			t.Errorf("%q: found %q, want %q", content, got, want)
		}
	}
}

func indent(s string) string { return strings.ReplaceAll(s, "\n", "\n    ") }

func TestContentByFileName(t *testing.T) {
	tests := []struct{ path, content, want string }{
		{"home/.pypirc", "[pypi]\nusername: me\npassword: hunter2\n", "PyPI password"},
		{".pypirc", "[pypi]\npassword: ${PASSWORD}\n", ""},
		{".npmrc", "_auth=bWU6aHVudGVyMg==", "npm password"},
		{".npmrc", "registry=https://registry.npmjs.org/\n", ""},
		{"other", "_auth=bWU6aHVudGVyMg==", ""},
	}
	for _, test := range tests {
		if got := scan(test.path, test.content); got != test.want {
			t.Errorf("%s: found %q, want %q", test.path, got, test.want)
		}
	}
}

func TestFindingsTellTheLineAndNoSecret(t *testing.T) {
	token := random(alphanum, 36)
	s := NewScanner("web/config.js")
	for range 300_000 {
		s.Write([]byte("line\n"))
	}
	s.Write([]byte("\tkey = ghp_" + token + "\nghp_" + token))
	got, ok := s.Finding()
	if diff := cmp.Diff(Finding{Rule: "GitHub token", Line: 300_001, What: "web/config.js"}, got); !ok || diff != "" {
		t.Errorf("found %t (-want +got):\n%s", ok, diff)
	}
}

// At every distance from the end of the scanner's buffer, a secret is seen as a whole.
func TestSecretsAcrossBuffers(t *testing.T) {
	key := strings.TrimSpace(pem("RSA PRIVATE KEY"))
	aws := random(base64s, 40) + strings.Repeat(" ", 200) + "AKIA" + random(upper+"234567", 16)
	for at := size - 1400; at < size+300; at += 13 {
		padding := strings.Repeat(" ", at)
		for _, content := range []string{key, aws} {
			if scan("file", padding+content) == "" {
				t.Fatalf("a secret at %d is not seen", at)
			}
		}
	}
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte(pem("PRIVATE KEY")), uint16(7), uint16(3))
	f.Add([]byte("ghp_"+random(alphanum, 36)), uint16(1), uint16(65_516))
	f.Add([]byte("machine a.b login c password d"), uint16(100), uint16(65_500))
	f.Add([]byte(`{"auth":"bWU6aHVudGVyMg=="}`), uint16(3), uint16(64_520))
	f.Add([]byte("user:\n token: aaaaaaaaaaaaaaaaaaaaa"), uint16(3), uint16(64_520))
	f.Fuzz(func(t *testing.T, content []byte, chunk, padding uint16) {
		content = append([]byte(strings.Repeat(" ", int(padding))), content...)
		// The reference sees everything at once.
		r, start, _ := newTable(rules()).find("", content, 0, len(content))
		want := Finding{}
		if r != nil {
			want = Finding{Rule: r.name, Line: 1 + newlines(content[:start])}
		}
		s := NewScanner("")
		for rest := content; len(rest) > 0; {
			n := min(len(rest), int(chunk)+1)
			s.Write(rest[:n])
			rest = rest[n:]
		}
		got, _ := s.Finding()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("chunks of %d (-want +got):\n%s", chunk+1, diff)
		}
	})
}

func FuzzInValue(f *testing.F) {
	f.Add("DB_PASSWORD", "hunter2")
	f.Add("URL", "postgres://u:p@h/d?x=a://b")
	f.Add("DSN", "u:p@tcp(h)/d;Pwd=x")
	f.Add("KEY_FILE", `C:\run\secrets`)
	f.Fuzz(func(t *testing.T, key, value string) {
		got, ok := InValue(key, value)
		if ok != (got.Rule != "") || got.What != key {
			t.Errorf("%+v, %t", got, ok)
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	text := []byte(strings.Repeat("\tif err := decoder.Decode(&token); err != nil { // the \"auth\" header: password\n\t\treturn err\n", 1<<13))
	for name, content := range map[string][]byte{"noise": noise, "text": text} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			s := NewScanner("file")
			for b.Loop() {
				s.Write(content)
			}
		})
	}
}
