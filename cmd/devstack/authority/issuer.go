package authority

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"
)

// Issuer signs tokens (JWT, ES256), as a company's login service does.
type Issuer struct {
	tb   testing.TB
	name string
	key  *ecdsa.PrivateKey
}

// keyID names the one key of an issuer. It is the same of all, so that tokens of
// another issuer fail by their signature.
const keyID = "1"

// NewIssuer makes an issuer of that name, with a key of its own.
func NewIssuer(tb testing.TB, name string) *Issuer {
	tb.Helper()
	return &Issuer{tb, name, newKey(tb)}
}

// Keys is what tokens are verified by, as a JSON Web Key Set.
func (i *Issuer) Keys() []byte {
	i.tb.Helper()
	point, err := i.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		i.tb.Fatal(err)
	}
	return i.encode(map[string]any{"keys": []any{map[string]string{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": keyID, "x": base64URL(point[1:33]), "y": base64URL(point[33:]),
	}}})
}

// Token names a client to an audience, and is valid for so long from
// now, or was until so long ago.
func (i *Issuer) Token(subject, audience string, valid time.Duration) string {
	i.tb.Helper()
	now := time.Now()
	signed := base64URL(i.encode(map[string]string{"alg": "ES256", "kid": keyID})) + "." + base64URL(i.encode(map[string]any{
		"iss": i.name, "sub": subject, "aud": audience, "iat": now.Add(-time.Hour).Unix(), "exp": now.Add(valid).Unix(),
	}))
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		i.tb.Fatal(err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + base64URL(signature[:])
}

func (i *Issuer) encode(v any) []byte {
	i.tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		i.tb.Fatal(err)
	}
	return text
}

func base64URL(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
