package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/go-openapi/runtime"
	"github.com/sigstore/rekor/pkg/generated/models"
	"github.com/sigstore/rekor/pkg/types"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

const (
	someone    = "someone@example.com"
	someIssuer = "https://issuer.example.com"
)

// deployment is a private sigstore: a Fulcio, a Rekor and a timestamp authority that
// speak their protocols, with keys of their own.
type deployment struct {
	*httptest.Server
	virtual   *ca.VirtualSigstore // the log's key
	rootCert  *x509.Certificate
	issuing   *x509.Certificate
	issuer    *ecdsa.PrivateKey
	stampCert *x509.Certificate
	stampMid  *x509.Certificate
	stampKey  *ecdsa.PrivateKey

	mu       sync.Mutex
	refuse   string        // "fulcio", "rekor", "tsa": what does not help
	skew     time.Duration // of the log's clock
	requests map[string]int
	log      map[string]models.LogEntryAnon
}

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{requests: map[string]int{}, log: map[string]models.LogEntryAnon{}}
	var err error
	check := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d.virtual, err = ca.NewVirtualSigstore()
	check()
	var rootKey, midKey *ecdsa.PrivateKey
	d.rootCert, rootKey, err = ca.GenerateRootCa()
	check()
	d.issuing, d.issuer, err = ca.GenerateFulcioIntermediate(d.rootCert, rootKey)
	check()
	d.stampMid, midKey, err = ca.GenerateTSAIntermediate(d.rootCert, rootKey)
	check()
	d.stampKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check()
	d.stampCert, err = ca.GenerateTSALeafCert(time.Now().Add(-time.Minute), d.stampKey, d.stampMid, midKey)
	check()

	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v2/signingCert", d.serve("fulcio", d.certify))
	mux.HandleFunc("POST /api/v1/log/entries", d.serve("rekor", d.enter))
	mux.HandleFunc("GET /api/v1/log/entries/{id}", d.serve("rekor", d.show))
	mux.HandleFunc("POST /stamp", d.serve("tsa", d.stamp))
	d.Server = httptest.NewServer(mux)
	t.Cleanup(d.Close)
	return d
}

func (d *deployment) serve(name string, f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.requests[name]++
		if d.refuse == name {
			http.Error(w, `{"code":400,"message":"not today"}`, http.StatusBadRequest)
			return
		}
		if err := f(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}
}

// publicOnly is the half of a key that a certificate is about.
type publicOnly struct{ crypto.PublicKey }

func (p publicOnly) Public() crypto.PublicKey { return p.PublicKey }
func (p publicOnly) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the private half is elsewhere")
}

func (d *deployment) certify(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		PublicKeyRequest struct {
			PublicKey         struct{ Content string }
			ProofOfPossession []byte
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return err
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(r.Header.Get("Authorization"), ".")[1])
	if err != nil {
		return err
	}
	var who struct{ Email, Iss string }
	if err := json.Unmarshal(claims, &who); err != nil {
		return err
	}
	pub, err := cryptoutils.UnmarshalPEMToPublicKey([]byte(req.PublicKeyRequest.PublicKey.Content))
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(who.Email))
	if !ecdsa.VerifyASN1(pub.(*ecdsa.PublicKey), sum[:], req.PublicKeyRequest.ProofOfPossession) {
		return errors.New("not the holder of the key")
	}
	leaf, err := ca.GenerateLeafCert(who.Email, who.Iss, time.Now().Add(-time.Minute), publicOnly{pub}, d.issuing, d.issuer)
	if err != nil {
		return err
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	return json.NewEncoder(w).Encode(map[string]any{
		"signedCertificateEmbeddedSct": map[string]any{"chain": map[string]any{"certificates": []string{text}}},
	})
}

func (d *deployment) enter(w http.ResponseWriter, r *http.Request) error {
	proposed, err := models.UnmarshalProposedEntry(r.Body, runtime.JSONConsumer())
	if err != nil {
		return err
	}
	impl, err := types.CreateVersionedEntry(proposed)
	if err != nil {
		return err
	}
	body, err := types.CanonicalizeEntry(r.Context(), impl)
	if err != nil {
		return err
	}
	id := hex.EncodeToString(sum256(append([]byte{0}, body...)))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", id)
	w.Header().Set("Location", "/api/v1/log/entries/"+id)
	if _, ok := d.log[id]; ok {
		w.WriteHeader(http.StatusConflict)
		return json.NewEncoder(w).Encode(models.Error{Code: 409, Message: "it is there"})
	}
	if d.log[id], err = d.entry(body); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return json.NewEncoder(w).Encode(map[string]models.LogEntryAnon{id: d.log[id]})
}

func (d *deployment) show(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	id := r.PathValue("id")
	return json.NewEncoder(w).Encode(map[string]models.LogEntryAnon{id: d.log[id]})
}

// entry is what the log says of a body.
func (d *deployment) entry(body []byte) (models.LogEntryAnon, error) {
	logID, err := d.virtual.RekorLogID()
	if err != nil {
		return models.LogEntryAnon{}, err
	}
	p := tlog.RekorPayload{
		Body:           base64.StdEncoding.EncodeToString(body),
		IntegratedTime: time.Now().Add(d.skew).Unix(),
		LogIndex:       int64(100 + len(d.log)),
		LogID:          logID,
	}
	promise, err := d.virtual.RekorSignPayload(p)
	if err != nil {
		return models.LogEntryAnon{}, err
	}
	proof, err := d.virtual.GetInclusionProof(body)
	if err != nil {
		return models.LogEntryAnon{}, err
	}
	return models.LogEntryAnon{
		Body: p.Body, IntegratedTime: &p.IntegratedTime, LogIndex: &p.LogIndex, LogID: &p.LogID,
		Verification: &models.LogEntryAnonVerification{SignedEntryTimestamp: promise, InclusionProof: proof},
	}, nil
}

func (d *deployment) stamp(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	req, err := timestamp.ParseRequest(body)
	if err != nil {
		return err
	}
	stamp := timestamp.Timestamp{
		HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage,
		Time: time.Now(), Policy: asn1.ObjectIdentifier{1, 2, 3},
	}
	answer, err := stamp.CreateResponseWithOpts(d.stampCert, d.stampKey, crypto.SHA256)
	if err != nil {
		return err
	}
	_, err = w.Write(answer)
	return err
}

// root is the trusted root of the deployment, after the changes.
func (d *deployment) root(t *testing.T, change ...func(*root.TrustedRoot) *root.TrustedRoot) string {
	t.Helper()
	start, end := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	cas := []root.CertificateAuthority{&root.FulcioCertificateAuthority{
		Root: d.rootCert, Intermediates: []*x509.Certificate{d.issuing},
		ValidityPeriodStart: start, ValidityPeriodEnd: end, URI: d.URL,
	}}
	tsas := []root.TimestampingAuthority{&root.SigstoreTimestampingAuthority{
		Root: d.rootCert, Intermediates: []*x509.Certificate{d.stampMid}, Leaf: d.stampCert,
		ValidityPeriodStart: start, ValidityPeriodEnd: end, URI: d.URL,
	}}
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, cas, nil, tsas, withRawIDs(t, d.virtual.RekorLogs()))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		r = c(r)
	}
	text, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// withRawIDs corrects the IDs of sigstore-go's test logs, which are in hex.
func withRawIDs(t *testing.T, logs map[string]*root.TransparencyLog) map[string]*root.TransparencyLog {
	t.Helper()
	for id, l := range logs {
		raw, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		l.ID = raw
		l.BaseURL = "https://log.example.com"
	}
	return logs
}

// signer is somebody at the deployment, without a key.
func (d *deployment) signer(t *testing.T) wire.Signer {
	return wire.Signer{Token: token(someone), FulcioURL: d.URL + "/", RekorURL: d.URL, TrustedRoot: d.root(t)}
}

// token is an unsigned identity token; signatures of tokens are for Fulcio to check.
func token(email string) string {
	claims, _ := json.Marshal(map[string]any{"email": email, "email_verified": true, "iss": someIssuer})
	return "e30." + base64.RawURLEncoding.EncodeToString(claims) + ".c2ln"
}

func sum256(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
