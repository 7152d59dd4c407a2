// Drives the official client of Go over REST: one JSON object a line in, one out. See ../driver.py.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"time"

	"cloud.google.com/go/auth/credentials"
	kms "cloud.google.com/go/kms/apiv1"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const scope = "https://www.googleapis.com/auth/cloud-platform"

type question struct {
	Operation      string          `json:"operation"`
	Name           string          `json:"name"`
	Credentials    string          `json:"credentials"`
	Exchange       bool            `json:"exchange"`
	Plaintext      []byte          `json:"plaintext"`
	Ciphertext     []byte          `json:"ciphertext"`
	AAD            []byte          `json:"aad"`
	PlaintextCRC   json.RawMessage `json:"plaintext_crc32c"`
	CiphertextCRC  json.RawMessage `json:"ciphertext_crc32c"`
	AADCRC         json.RawMessage `json:"aad_crc32c"`
	RetryThrottled bool            `json:"retry_throttled"`
}

type refusal struct {
	Code    string            `json:"code"`
	Message string            `json:"message"`
	Details []json.RawMessage `json:"details"`
}

var (
	endpoint   = os.Args[1]
	clients    = map[string]*kms.KeyManagementClient{}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		answer := map[string]any{}
		if ok, err := answerTo(asked); err != nil {
			answer["error"] = describe(err)
		} else {
			answer["ok"] = ok
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			panic(err)
		}
	}
}

func answerTo(asked question) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client, err := clientFor(ctx, asked)
	if err != nil {
		return nil, err
	}
	switch asked.Operation {
	case "encrypt":
		return encrypt(ctx, client, asked)
	case "decrypt":
		return decrypt(ctx, client, asked)
	case "get_crypto_key":
		key, err := client.GetCryptoKey(ctx, &kmspb.GetCryptoKeyRequest{Name: asked.Name}, retry(asked))
		return map[string]any{"name": key.GetName(), "primary": key.GetPrimary().GetName(), "primary_state": key.GetPrimary().GetState().String()}, err
	case "list_versions":
		return listVersions(ctx, client, asked)
	}
	return nil, fmt.Errorf("no operation %s", asked.Operation)
}

func clientFor(ctx context.Context, asked question) (*kms.KeyManagementClient, error) {
	chosen := fmt.Sprint(asked.Credentials, asked.Exchange)
	if clients[chosen] != nil {
		return clients[chosen], nil
	}
	content, err := os.ReadFile(asked.Credentials)
	if err != nil {
		return nil, err
	}
	var file struct {
		Type credentials.CredType `json:"type"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return nil, err
	}
	options := &credentials.DetectOptions{Scopes: []string{scope}, UseSelfSignedJWT: file.Type == credentials.ServiceAccount && !asked.Exchange}
	if file.Type == credentials.AuthorizedUser {
		// The file of a person names no token endpoint.
		options.TokenURL = endpoint + "/token"
	}
	creds, err := credentials.NewCredentialsFromJSON(file.Type, content, options)
	if err != nil {
		return nil, err
	}
	client, err := kms.NewKeyManagementRESTClient(context.Background(), option.WithEndpoint(endpoint), option.WithAuthCredentials(creds))
	if err == nil {
		clients[chosen] = client
	}
	return client, err
}

func encrypt(ctx context.Context, client *kms.KeyManagementClient, asked question) (map[string]any, error) {
	answer, err := client.Encrypt(ctx, &kmspb.EncryptRequest{
		Name:                              asked.Name,
		Plaintext:                         asked.Plaintext,
		AdditionalAuthenticatedData:       asked.AAD,
		PlaintextCrc32C:                   checksum(asked.PlaintextCRC, asked.Plaintext),
		AdditionalAuthenticatedDataCrc32C: checksum(asked.AADCRC, asked.AAD),
	}, retry(asked))
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"name":               answer.GetName(),
		"ciphertext":         base64.StdEncoding.EncodeToString(answer.GetCiphertext()),
		"checksum_matches":   matches(answer.GetCiphertextCrc32C(), answer.GetCiphertext()),
		"verified_plaintext": answer.GetVerifiedPlaintextCrc32C(),
		"verified_aad":       answer.GetVerifiedAdditionalAuthenticatedDataCrc32C(),
		"protection_level":   answer.GetProtectionLevel().String(),
	}, nil
}

func decrypt(ctx context.Context, client *kms.KeyManagementClient, asked question) (map[string]any, error) {
	answer, err := client.Decrypt(ctx, &kmspb.DecryptRequest{
		Name:                              asked.Name,
		Ciphertext:                        asked.Ciphertext,
		AdditionalAuthenticatedData:       asked.AAD,
		CiphertextCrc32C:                  checksum(asked.CiphertextCRC, asked.Ciphertext),
		AdditionalAuthenticatedDataCrc32C: checksum(asked.AADCRC, asked.AAD),
	}, retry(asked))
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"plaintext":        base64.StdEncoding.EncodeToString(answer.GetPlaintext()),
		"checksum_matches": matches(answer.GetPlaintextCrc32C(), answer.GetPlaintext()),
		"used_primary":     answer.GetUsedPrimary(),
		"protection_level": answer.GetProtectionLevel().String(),
	}, nil
}

func listVersions(ctx context.Context, client *kms.KeyManagementClient, asked question) (map[string]any, error) {
	versions := [][]string{}
	pages := client.ListCryptoKeyVersions(ctx, &kmspb.ListCryptoKeyVersionsRequest{Parent: asked.Name}, retry(asked))
	for {
		version, err := pages.Next()
		if errors.Is(err, iterator.Done) {
			return map[string]any{"versions": versions}, nil
		}
		if err != nil {
			return nil, err
		}
		versions = append(versions, []string{version.GetName(), version.GetState().String()})
	}
}

// Nothing is tried again unless the question wants it, so that one call is one request.
func retry(asked question) gax.CallOption {
	return gax.WithRetry(func() gax.Retryer {
		if !asked.RetryThrottled {
			return nil
		}
		return gax.OnHTTPCodes(gax.Backoff{Initial: 10 * time.Millisecond, Max: time.Second}, 429)
	})
}

// As told; by default the right one.
func checksum(told json.RawMessage, data []byte) *wrapperspb.Int64Value {
	if string(told) == "null" {
		return nil
	}
	value := int64(crc32.Checksum(data, castagnoli))
	if told != nil {
		if err := json.Unmarshal(told, &value); err != nil {
			panic(err)
		}
	}
	return wrapperspb.Int64(value)
}

func matches(checksum *wrapperspb.Int64Value, data []byte) bool {
	return checksum != nil && checksum.Value == int64(crc32.Checksum(data, castagnoli))
}

// The client hides the name of the code behind HTTP's; the body has it.
func describe(err error) refusal {
	var answered *googleapi.Error
	if errors.As(err, &answered) {
		var body struct {
			Error struct {
				Status  string            `json:"status"`
				Message string            `json:"message"`
				Details []json.RawMessage `json:"details"`
			} `json:"error"`
		}
		if json.Unmarshal([]byte(answered.Body), &body) == nil {
			details := append([]json.RawMessage{}, body.Error.Details...)
			return refusal{body.Error.Status, body.Error.Message, details}
		}
	}
	return refusal{"TOKEN_REFUSED", err.Error(), []json.RawMessage{}}
}
