// Does with the official Go clients what it is told on standard input, as described in ../drivers.py.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

type given struct {
	Kind, Tenant, Secret, Path, Assertion, Token string
	ClientID                                     string `json:"client_id"`
}

type command struct {
	Do, Vault, Key, Version, Algorithm, Scope string
	Value                                     []byte
	Credential                                given
}

type answer map[string]any

type givenToken string

func (token givenToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(token), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func credential(from given) (azcore.TokenCredential, error) {
	switch from.Kind {
	case "secret":
		return azidentity.NewClientSecretCredential(from.Tenant, from.ClientID, from.Secret, nil)
	case "certificate":
		pem, err := os.ReadFile(from.Path)
		if err != nil {
			return nil, err
		}
		certificates, key, err := azidentity.ParseCertificates(pem, nil)
		if err != nil {
			return nil, err
		}
		return azidentity.NewClientCertificateCredential(from.Tenant, from.ClientID, certificates, key, nil)
	case "assertion":
		assertion := func(context.Context) (string, error) { return from.Assertion, nil }
		return azidentity.NewClientAssertionCredential(from.Tenant, from.ClientID, assertion, nil)
	}
	return givenToken(from.Token), nil
}

func operate(ctx context.Context, asked command) (answer, error) {
	who, err := credential(asked.Credential)
	if err != nil {
		return nil, err
	}
	if asked.Do == "token" {
		token, err := who.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{asked.Scope}})
		return answer{"token": token.Token}, err
	}
	client, err := azkeys.NewClient(asked.Vault, who, nil)
	if err != nil {
		return nil, err
	}
	algorithm := azkeys.EncryptionAlgorithm(asked.Algorithm)
	parameters := azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: asked.Value}
	var result azkeys.KeyOperationResult
	if asked.Do == "wrap" {
		wrapped, failure := client.WrapKey(ctx, asked.Key, asked.Version, parameters, nil)
		result, err = wrapped.KeyOperationResult, failure
	} else {
		unwrapped, failure := client.UnwrapKey(ctx, asked.Key, asked.Version, parameters, nil)
		result, err = unwrapped.KeyOperationResult, failure
	}
	if err != nil {
		return nil, err
	}
	return answer{"kid": string(*result.KID), "value": result.Result}, nil
}

func refusal(err error) answer {
	refused := answer{"status": nil, "code": nil, "inner": nil, "message": err.Error()}
	var response *azcore.ResponseError
	if !errors.As(err, &response) {
		return refused
	}
	refused["status"] = response.StatusCode
	var body struct {
		Error struct {
			Code       string
			InnerError *struct{ Code string }
		}
	}
	if payload, failure := runtime.Payload(response.RawResponse); failure == nil && json.Unmarshal(payload, &body) == nil {
		refused["code"] = body.Error.Code
		if body.Error.InnerError != nil {
			refused["inner"] = body.Error.InnerError.Code
		}
	}
	return refused
}

func say(message any) {
	text, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

func main() {
	clients := map[string]string{}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, module := range build.Deps {
			if strings.HasSuffix(module.Path, "/azkeys") || strings.HasSuffix(module.Path, "/azidentity") {
				clients[module.Path[strings.LastIndex(module.Path, "/")+1:]] = module.Version
			}
		}
	}
	say(answer{"clients": clients})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var asked command
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		result, err := operate(ctx, asked)
		cancel()
		if err != nil {
			result = refusal(err)
		}
		say(result)
	}
}
