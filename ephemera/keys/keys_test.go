package keys_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// RFC 8032 §7.1, test 2.
func TestKeysFollowRFC8032(t *testing.T) {
	seed, err := hex.DecodeString("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
	require.NoError(t, err)
	key := keys.FromSeed([32]byte(seed))
	public, err := key.Public().MarshalText()
	require.NoError(t, err)
	require.Equal(t, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", string(public))
	signature, err := key.Sign([]byte{0x72}).MarshalText()
	require.NoError(t, err)
	require.Equal(t, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00", string(signature))
	require.Equal(t, [32]byte(seed), key.Seed())
	require.True(t, key.Public().Verify([]byte{0x72}, key.Sign([]byte{0x72})))
	require.False(t, key.Public().Verify([]byte{0x73}, key.Sign([]byte{0x72})))
}

func TestTextFormsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var seed [32]byte
		copy(seed[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		key := keys.FromSeed(seed)
		public := key.Public()
		require.True(t, strings.HasPrefix(public.PeerID(), "12D3KooW"))
		for _, text := range []string{public.PeerID(), hex.EncodeToString(public[:]), strings.ToUpper(hex.EncodeToString(public[:]))} {
			parsed, err := keys.ParsePublic(text)
			require.NoError(t, err)
			require.Equal(t, public, parsed)
		}
		encoded, err := json.Marshal(map[string]any{"key": public, "signature": key.Sign(nil)})
		require.NoError(t, err)
		var back struct {
			Key       keys.Public
			Signature keys.Signature
		}
		require.NoError(t, json.Unmarshal(encoded, &back))
		require.Equal(t, public, back.Key)
		require.Equal(t, key.Sign(nil), back.Signature)
	})
}

func TestInvalidKeysAreRefused(t *testing.T) {
	id := keys.FromSeed([32]byte{1}).Public().PeerID()
	for _, text := range []string{
		"", "x", strings.Repeat("0", 63), strings.Repeat("g", 64), strings.Repeat("0", 65), id[1:], id + "1", id[:len(id)-1] + "0", strings.Repeat("1", 52),
		"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", // the ID of an RSA key
		strings.Repeat("z", 10_000),
	} {
		_, err := keys.ParsePublic(text)
		require.ErrorIs(t, err, keys.ErrBadKey)
		require.Less(t, len(err.Error()), 300)
		var public keys.Public
		require.Error(t, public.UnmarshalText([]byte(text)))
	}
	var signature keys.Signature
	require.Error(t, signature.UnmarshalText([]byte("00")))
	require.Error(t, signature.UnmarshalText([]byte(strings.Repeat("g", 128))))
}

func TestSecretIsNeverPrinted(t *testing.T) {
	key := keys.FromSeed([32]byte{0xab, 0xcd})
	seed := key.Seed()
	holder, hidden := struct{ Key keys.Private }{key}, struct{ key keys.Private }{key}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{key, &key, holder, &holder, hidden, &hidden} {
			printed := strings.ToLower(fmt.Sprintf(verb, v))
			require.NotContains(t, printed, hex.EncodeToString(seed[:8]), verb)
			require.NotContains(t, printed, "171 205", verb)
			require.NotContains(t, printed, "0xab, 0xcd", verb)
		}
	}
	encoded, err := json.Marshal(holder)
	require.NoError(t, err)
	require.JSONEq(t, `{"Key":{}}`, string(encoded))
}

// Signing bytes are equal only if purpose, network and body are.
func TestSigningBytesSeparatePurposesAndNetworks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		domain := rapid.StringMatching(`[a-z/0-9]{0,6}`)
		network := rapid.StringMatching(`[a-z/0-9.]{0,6}`)
		body := rapid.SliceOfN(rapid.ByteRange(0, 'c'), 0, 8)
		type signed struct {
			domain, network string
			body            []byte
		}
		draw := func(name string) signed {
			return signed{domain.Draw(t, name+" domain"), network.Draw(t, name+" network"), body.Draw(t, name+" body")}
		}
		a, b := draw("a"), draw("b")
		same := a.domain == b.domain && a.network == b.network && bytes.Equal(a.body, b.body)
		require.Equal(t, same, bytes.Equal(keys.SigningBytes(a.domain, a.network, a.body), keys.SigningBytes(b.domain, b.network, b.body)))
	})
}

// The owner of a public key A + T, where T has order 8, can make signatures that verifiers disagree
// on. A verifier that multiplies by the cofactor (ZIP-215, batch verification) accepts both of
// these; crypto/ed25519 accepts only the one whose challenge is divisible by 8.
func TestSmallOrderComponentIsJudgedAsByCryptoEd25519(t *testing.T) {
	public, err := keys.ParsePublic("b3352a85724c861d573ee0b24717bc4b338a70409ce5fae83ee0078fa3a52145")
	require.NoError(t, err)
	for message, want := range map[string]struct {
		signature string
		valid     bool
	}{
		"message 0": {"b2a31594b3eecde80d3513d198a1cfff885d60ac830d40320b4584f35e4bbc8e0aba34c8a8e499d4a52b3d007114916a4dcc9c20ba9922674b258ec099c0fc03", false},
		"message 4": {"6fb35a45896c41574ebc7e8d570622acb48950aa9aeca69741c469641dbae5fbf771118f8ffcb6e44d7622c5efbcf31a96b1adb5e8d7476ea57c825f1ef9a305", true},
	} {
		var signature keys.Signature
		require.NoError(t, signature.UnmarshalText([]byte(want.signature)))
		require.Equal(t, want.valid, public.Verify([]byte(message), signature), message)
		require.Equal(t, want.valid, ed25519.Verify(public[:], []byte(message), signature[:]), message)
	}
}

// S and S + order are the same scalar; only the smaller one is valid (RFC 8032 §5.1.7).
func TestSignaturesAreNotMalleable(t *testing.T) {
	order, err := hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	require.NoError(t, err)
	key := keys.FromSeed([32]byte{1})
	signature := key.Sign([]byte("x"))
	carry := 0
	for i, b := range order {
		carry += int(signature[32+i]) + int(b)
		signature[32+i] = byte(carry)
		carry >>= 8
	}
	require.False(t, key.Public().Verify([]byte("x"), signature))
}

// Whatever a program chooses, what a node signs for it has a tag of its own, and differs for each
// choice of domain, network and body.
func TestApplicationBytesAreNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		domain := rapid.StringMatching(`[!-~]{1,6}`)
		network := rapid.StringMatching(`[a-z/0-9.]{1,6}`)
		body := rapid.SliceOfN(rapid.ByteRange(0, 'c'), 0, 8)
		type signed struct {
			domain, network string
			body            []byte
		}
		draw := func(name string) signed {
			return signed{domain.Draw(t, name+" domain"), network.Draw(t, name+" network"), body.Draw(t, name+" body")}
		}
		a, b := draw("a"), draw("b")
		same := a.domain == b.domain && a.network == b.network && bytes.Equal(a.body, b.body)
		bytesOfA := keys.ApplicationBytes(a.domain, a.network, a.body)
		require.Equal(t, same, bytes.Equal(bytesOfA, keys.ApplicationBytes(b.domain, b.network, b.body)))
		tag, _, _ := bytes.Cut(bytesOfA, []byte{0})
		require.Equal(t, "ephemera/application/v1", string(tag))
		require.NotEqual(t, bytesOfA, keys.SigningBytes(b.domain, b.network, b.body))
	})
}
