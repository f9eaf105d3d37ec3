# What `helm test` asks of a release; needs sh and curl. Ends with 1 and a sentence at the first answer that is wrong.
set -u
failed() { echo "FAILED: $*"; exit 1; }
ask() { curl --silent --show-error --max-time 10 --connect-to "$CONNECT" "$@"; }

ready=$(curl --silent --show-error --max-time 10 "$ADMIN/health/ready") || failed "$ADMIN does not answer"
case $ready in *'"ready":true'*) ;; *) failed "a replica is not ready: $ready" ;; esac

discovery=$(ask --fail "$SERVICE/.well-known/openid-configuration") || failed "discovery does not answer"
case $discovery in *"\"issuer\":\"$ISSUER\""*) ;; *) failed "discovery names another issuer than $ISSUER: $discovery" ;; esac

keys=$(ask --fail "$SERVICE/jwks") || failed "the key set does not answer"
case $keys in *'"kid":"'*) ;; *) failed "the key set holds no key: $keys" ;; esac
case $keys in *'"d":'*) failed "the key set holds a private key" ;; *) ;; esac

status=$(ask --output /dev/null --write-out '%{http_code}' --data 'grant_type=client_credentials' "$SERVICE/token")
[ "$status" = 401 ] || [ "$status" = 400 ] || failed "/token answers $status to a stranger"

status=$(ask --output /dev/null --write-out '%{http_code}' "$SERVICE/metrics")
[ "$status" = 404 ] || failed "the public port answers $status at /metrics"
echo "ready, issuer, keys, /token and the public port are as they should be"
