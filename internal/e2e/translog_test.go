//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"
)

// translog is a transparency log that speaks as much of Rekor's protocol (version 1) as
// signing takes. (Rekor itself needs Trillian and a database server.) Each entry is in a
// tree of its own.
type translog struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	public []byte // DER

	mu      sync.Mutex
	entries int
}

func newTranslog(t *testing.T) *translog {
	t.Helper()
	l := &translog{}
	var err error
	if l.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if l.public, err = x509.MarshalPKIXPublicKey(l.key.Public()); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/log/entries", func(w http.ResponseWriter, r *http.Request) {
		if err := l.add(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	l.Server = httptest.NewServer(mux)
	t.Cleanup(l.Close)
	return l
}

// id is the log's name: the digest of its key.
func (l *translog) id() []byte { return sum256(l.public) }

// size is how many entries there are.
func (l *translog) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries
}

func (l *translog) sign(text []byte) []byte {
	sig, err := ecdsa.SignASN1(rand.Reader, l.key, sum256(text))
	if err != nil {
		panic(err) // the random source of the operating system
	}
	return sig
}

// add takes a proposal for an entry of the kind dsse, and answers with the entry.
func (l *translog) add(w http.ResponseWriter, r *http.Request) error {
	var proposed struct {
		Kind string
		Spec struct {
			ProposedContent struct {
				Envelope  string
				Verifiers []string
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&proposed); err != nil {
		return err
	}
	content := proposed.Spec.ProposedContent
	if proposed.Kind != "dsse" || len(content.Verifiers) != 1 {
		return fmt.Errorf("an entry of the kind %q with %d keys", proposed.Kind, len(content.Verifiers))
	}
	body, err := dsseBody(content.Envelope, content.Verifiers[0])
	if err != nil {
		return err
	}
	l.mu.Lock()
	index := l.entries
	l.entries++
	l.mu.Unlock()
	leaf := sum256(append([]byte{0}, body...)) // RFC 6962, section 2.1
	id := hex.EncodeToString(leaf)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", id)
	w.Header().Set("Location", "/api/v1/log/entries/"+id)
	w.WriteHeader(http.StatusCreated)
	return json.NewEncoder(w).Encode(map[string]any{id: l.entry(body, leaf, index)})
}

// dsseBody is what the log keeps of an envelope.
func dsseBody(envelope, verifier string) ([]byte, error) {
	var env struct {
		Payload    []byte
		Signatures []struct{ Sig string }
	}
	if err := json.Unmarshal([]byte(envelope), &env); err != nil {
		return nil, err
	}
	type hash struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"value"`
	}
	type signature struct {
		Signature string `json:"signature"`
		Verifier  string `json:"verifier"`
	}
	var signatures []signature
	for _, s := range env.Signatures {
		signatures = append(signatures, signature{s.Sig, verifier})
	}
	return json.Marshal(map[string]any{
		"apiVersion": "0.0.1", "kind": "dsse",
		"spec": map[string]any{
			"envelopeHash": hash{"sha256", hex.EncodeToString(sum256([]byte(envelope)))},
			"payloadHash":  hash{"sha256", hex.EncodeToString(sum256(env.Payload))},
			"signatures":   signatures,
		},
	})
}

// entry is what the log says of a body: a promise, and a proof that it is in a tree.
func (l *translog) entry(body, leaf []byte, index int) map[string]any {
	// encoding/json sorts keys, and there is nothing to escape: this is the canonical form.
	entry := map[string]any{
		"body": body, "integratedTime": time.Now().Unix(), "logID": hex.EncodeToString(l.id()), "logIndex": index,
	}
	promised, err := json.Marshal(entry)
	if err != nil {
		panic(err)
	}
	entry["verification"] = map[string]any{
		"signedEntryTimestamp": l.sign(promised),
		"inclusionProof": map[string]any{
			"treeSize": 1, "logIndex": 0, "hashes": []string{}, "rootHash": hex.EncodeToString(leaf), "checkpoint": l.checkpoint(leaf),
		},
	}
	return entry
}

// checkpoint signs the root of a tree with one leaf (https://c2sp.org/tlog-checkpoint).
func (l *translog) checkpoint(root []byte) string {
	const origin = "log.example.com"
	text := fmt.Sprintf("%s - 1\n1\n%s\n", origin, base64.StdEncoding.EncodeToString(root))
	signature := append(l.id()[:4:4], l.sign([]byte(text))...)
	return fmt.Sprintf("%s\n— %s %s\n", text, origin, base64.StdEncoding.EncodeToString(signature))
}

// trusted is the log's part of a trusted root.
func (l *translog) trusted() map[string]any {
	return map[string]any{
		"baseUrl": l.URL, "hashAlgorithm": "SHA2_256", "logId": map[string]any{"keyId": l.id()},
		"publicKey": map[string]any{"rawBytes": l.public, "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": validForDays()},
	}
}

// trustedRoot writes a file that says whom to trust: the log, and authorities.
func (l *translog) trustedRoot(s *sandbox, authorities ...any) string {
	s.t.Helper()
	text, err := json.Marshal(map[string]any{
		"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		"tlogs":     []any{l.trusted()}, "certificateAuthorities": authorities,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.write(s.path("trusted-root.json"), string(text), 0o644)
}

// Signatures by a key that a log has an entry of: cosign looks for it, and so does imgo.
func TestLoggedSignatures(t *testing.T) {
	s := newCosignSandbox(t)
	l, other := newTranslog(t), newTranslog(t)
	wrong := s.path("wrong-root.json")
	if err := os.Rename(other.trustedRoot(s), wrong); err != nil {
		t.Fatal(err)
	}
	root := l.trustedRoot(s)
	private, public := cosigns[0].keyPair(s, "mine")
	repo := plainRegistry(t) + "/cosign/logged"
	image := s.imgo("push", "-C", "mod", "./cmd/server", "--key", private, "--rekor-url", l.URL, "--trusted-root", root, "-t", repo+":v1")
	if n := l.size(); n != 3 {
		t.Errorf("the log has %d entries of signature, SBOM and provenance", n)
	}
	for file, want := range map[string]bool{root: true, wrong: false} {
		r := s.try(suite.imgo, "verify", "--key", public, "--trusted-root", file, "--offline", image)
		if (r.code == 0) != want {
			t.Errorf("want verified %t by %s:\n%s", want, file, r)
		}
		for _, c := range cosigns {
			r := s.try(c.path(), "verify", "--key", public, "--trusted-root", file, image)
			if (r.code == 0) != want {
				t.Errorf("want verified %t by %s and cosign %s:\n%s", want, file, c.version, r)
			}
		}
	}
}

// validForDays is a time that began yesterday.
func validForDays() map[string]any {
	return map[string]any{"start": time.Now().Add(-24 * time.Hour).UTC().Format(time.RFC3339)}
}

func sum256(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
