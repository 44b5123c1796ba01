//! Every setting as text: its flag, its variable, its default and its meaning, in the words of `--help`.

use clap::Args;

/// The settings as text, from flags, the environment or `.env`. Every one is optional; empty counts as not set.
#[derive(Args, Clone, Default)]
pub struct Settings {
    /// Key that signs tokens, at least 32 bytes. Made and kept in DATA_DIR when not set.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true, global = true, help_heading = "Tokens and clients")]
    pub(super) jwt_secret: Option<String>,
    /// `iss` of every token [default: identivia]
    #[arg(long, env = "JWT_ISSUER", hide_env_values = true, global = true, help_heading = "Tokens and clients")]
    pub(super) jwt_issuer: Option<String>,
    /// `aud` of machine tokens; flow tokens have `<JWT_AUDIENCE>/flow` [default: identivia-api]
    #[arg(long, env = "JWT_AUDIENCE", hide_env_values = true, global = true, help_heading = "Tokens and clients")]
    pub(super) jwt_audience: Option<String>,
    /// Lifetime of a machine token, in seconds (60 to 86400) [default: 3600]
    #[arg(long, env = "JWT_TTL_SECONDS", hide_env_values = true, global = true, help_heading = "Tokens and clients")]
    pub(super) jwt_ttl_seconds: Option<String>,
    /// Machine clients: a JSON array of {"client_id", "client_secret" or "client_secret_hash", "scopes": [...],
    /// "team": optional}. One client is made and kept in DATA_DIR when not set.
    #[arg(long, env = "JWT_CLIENTS_JSON", hide_env_values = true, global = true, help_heading = "Tokens and clients")]
    pub(super) jwt_clients_json: Option<String>,
    /// Lifetime of a flow token, in seconds (60 to 86400) [default: 1800]
    #[arg(
        long,
        env = "FLOW_TOKEN_TTL_SECONDS",
        hide_env_values = true,
        global = true,
        help_heading = "Tokens and clients"
    )]
    pub(super) flow_token_ttl_seconds: Option<String>,

    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, env = "HOST", hide_env_values = true, global = true, help_heading = "Server")]
    pub(super) host: Option<String>,
    /// Port to listen on; 0 takes a free one [default: 8000]
    #[arg(long, env = "PORT", hide_env_values = true, global = true, help_heading = "Server")]
    pub(super) port: Option<String>,
    /// Where this server is reached from outside [default: http://HOST:PORT]
    #[arg(long, env = "PUBLIC_URL", hide_env_values = true, global = true, help_heading = "Server")]
    pub(super) public_url: Option<String>,
    /// Where the verification page is served, and the one allowed CORS origin [default: PUBLIC_URL]
    #[arg(long, env = "CLIENT_URL", hide_env_values = true, global = true, help_heading = "Server")]
    pub(super) client_url: Option<String>,
    /// Where a person's browser may be sent when all is done (`redirect_url` in create): origins or prefixes of URLs such as
    /// https://shop.example/back, separated by commas [default: nowhere]
    #[arg(long, env = "REDIRECT_URLS", hide_env_values = true, global = true, help_heading = "Server")]
    pub(super) redirect_urls: Option<String>,
    /// Proxies whose X-Forwarded-For counts: addresses or networks, separated by commas [default: none]
    #[arg(long, env = "TRUSTED_PROXIES", hide_env_values = true, global = true, help_heading = "Server")]
    pub(super) trusted_proxies: Option<String>,
    /// Connections held at once; more wait to be accepted (1 to 100000) [default: 4096]
    #[arg(long, env = "MAX_CONNECTIONS", hide_env_values = true, global = true, help_heading = "Server")]
    pub(super) max_connections: Option<String>,
    /// Second address, for Prometheus metrics at /metrics, e.g. 127.0.0.1:9100 [default: off]
    #[arg(long, env = "METRICS_ADDR", hide_env_values = true, global = true, help_heading = "Server")]
    pub(super) metrics_addr: Option<String>,
    /// `pretty` or `json` [default: pretty]
    #[arg(long, env = "LOG_FORMAT", hide_env_values = true, global = true, help_heading = "Server")]
    pub(super) log_format: Option<String>,
    /// How much is logged: error, warn, info, debug or trace, or a filter such as `identivia=debug` [default: info]
    #[arg(long = "log", env = "RUST_LOG", hide_env_values = true, global = true, help_heading = "Server")]
    pub(super) rust_log: Option<String>,

    /// Folder for the database, the files and what the first start makes [default: ./data]
    #[arg(long, env = "DATA_DIR", hide_env_values = true, global = true, help_heading = "Storage")]
    pub(super) data_dir: Option<String>,
    /// Where records live: `sqlite:`, the database in DATA_DIR, or `postgres://user:password@host/database`, with
    /// `?sslmode=verify-full` across a network [default: sqlite:]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true, help_heading = "Storage")]
    pub(super) database_url: Option<String>,
    /// Connections to PostgreSQL that this server keeps at most (2 to 1000) [default: 16]
    #[arg(long, env = "DATABASE_CONNECTIONS", hide_env_values = true, global = true, help_heading = "Storage")]
    pub(super) database_connections: Option<String>,
    /// Where files live: `file:`, a folder in DATA_DIR, or `s3://bucket/prefix` [default: file:]
    #[arg(long, env = "FILES_URL", hide_env_values = true, global = true, help_heading = "Storage")]
    pub(super) files_url: Option<String>,
    /// A PocketBase that keeps records, and files in their file fields, such as https://pocketbase.example.com
    #[arg(long, env = "POCKETBASE_URL", hide_env_values = true, global = true, help_heading = "Storage")]
    pub(super) pocketbase_url: Option<String>,
    /// Who signs in there: a superuser, or a record of the collection `users`
    #[arg(long, env = "PB_USER_EMAIL", hide_env_values = true, global = true, help_heading = "Storage")]
    pub(super) pb_user_email: Option<String>,
    /// Their password
    #[arg(long, env = "PB_USER_PASSWORD", hide_env_values = true, global = true, help_heading = "Storage")]
    pub(super) pb_user_password: Option<String>,
    /// Set to `true` to reach PocketBase over plain http that is not on this machine: only within a network you trust
    #[arg(long, env = "POCKETBASE_ALLOW_HTTP", hide_env_values = true, global = true, help_heading = "Storage")]
    pub(super) pocketbase_allow_http: Option<String>,

    /// Who judges liveness: `aws`, `local`, or `auto`, which takes AWS if AWS_ACCESS_KEY_ID is set, else the local engines
    /// [default: auto]
    #[arg(
        long,
        env = "LIVENESS_PROVIDER",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) liveness_provider: Option<String>,
    /// The confidence from which a face counts as live (0 to 100) [default: 75]
    #[arg(
        long,
        env = "FACE_LIVENESS_THRESHOLD",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) face_liveness_threshold: Option<String>,
    /// Challenges that a session may ask for, the usual one first: `FaceMovementAndLightChallenge`, `FaceMovementChallenge`
    /// (without flashes), separated by a comma [default: FaceMovementAndLightChallenge]
    #[arg(
        long,
        env = "FACE_LIVENESS_CHALLENGES",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) face_liveness_challenges: Option<String>,
    /// Images kept of a session beside the reference image, for people who look at it later (0 to 4) [default: 0]
    #[arg(
        long,
        env = "FACE_LIVENESS_AUDIT_IMAGES",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) face_liveness_audit_images: Option<String>,
    /// A server in the place of AWS's, to which a person's browser streams their face, such as wss://streaming.example.com
    /// [default: wss://streaming-rekognition.AWS_REGION.amazonaws.com]
    #[arg(
        long,
        env = "LIVENESS_STREAM_URL",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) liveness_stream_url: Option<String>,
    /// Who reads documents: `openai`, `local`, or `auto`, which takes OpenAI if OPENAI_API_KEY is set, else the local engines
    /// [default: auto]
    #[arg(
        long,
        env = "DOCUMENT_READER",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) document_reader: Option<String>,
    /// Key of OpenAI, or of a server that speaks its chat completions
    #[arg(
        long,
        env = "OPENAI_API_KEY",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) openai_api_key: Option<String>,
    /// The model that reads documents; it must take images [default: o4-mini]
    #[arg(long, env = "OPENAI_MODEL", hide_env_values = true, global = true, help_heading = "Liveness and documents")]
    pub(super) openai_model: Option<String>,
    /// Where that server is: OpenAI, Azure, Ollama, vLLM and others, such as http://127.0.0.1:11434/v1
    /// [default: https://api.openai.com/v1]
    #[arg(
        long,
        env = "OPENAI_BASE_URL",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) openai_base_url: Option<String>,
    /// Set to `true` to reach it over plain http that is not on this machine: only within a network you trust
    #[arg(
        long,
        env = "OPENAI_ALLOW_HTTP",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) openai_allow_http: Option<String>,
    /// How long a reading may take, in seconds (1 to 600) [default: 45]
    #[arg(
        long,
        env = "OPENAI_TIMEOUT_SECONDS",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) openai_timeout_seconds: Option<String>,
    /// The longest side of a picture that is sent, in pixels; larger ones are scaled down (512 to 8192) [default: 2048]
    #[arg(
        long,
        env = "OPENAI_IMAGE_SIDE",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) openai_image_side: Option<String>,
    /// Folder with weights in the place of embedded ones, and a manifest.json that names them [default: all embedded]
    #[arg(long, env = "MODELS_DIR", hide_env_values = true, global = true, help_heading = "Liveness and documents")]
    pub(super) models_dir: Option<String>,
    /// Threads that the local engines take, and how much they work on at once (1 to 256) [default: the machine's cores]
    #[arg(
        long,
        env = "ENGINE_THREADS",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) engine_threads: Option<String>,
    /// Whether biometric templates of compared faces are kept with a record: `none` or `keep` [default: none]
    #[arg(
        long,
        env = "FACE_TEMPLATES",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) face_templates: Option<String>,
    /// Secret key of Fingerprint's Server API, with which visitor data is checked [default: it is kept as a claim]
    #[arg(
        long,
        env = "FINGERPRINT_SECRET_KEY",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) fingerprint_secret_key: Option<String>,
    /// Where that API is: https://eu.api.fpjs.io and https://ap.api.fpjs.io for those regions [default: https://api.fpjs.io]
    #[arg(
        long,
        env = "FINGERPRINT_BASE_URL",
        hide_env_values = true,
        global = true,
        help_heading = "Liveness and documents"
    )]
    pub(super) fingerprint_base_url: Option<String>,

    /// Region of Face Liveness and of the bucket [default: as the AWS tools have it; us-east-1 with an endpoint]
    #[arg(long, env = "AWS_REGION", hide_env_values = true, global = true, help_heading = "AWS")]
    pub(super) aws_region: Option<String>,
    /// Who asks AWS, with AWS_SECRET_ACCESS_KEY [default: as the AWS tools have it, roles included]
    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide_env_values = true, global = true, help_heading = "AWS")]
    pub(super) aws_access_key_id: Option<String>,
    /// The secret of AWS_ACCESS_KEY_ID.
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true, global = true, help_heading = "AWS")]
    pub(super) aws_secret_access_key: Option<String>,
    /// What goes with a temporary AWS_ACCESS_KEY_ID.
    #[arg(long, env = "AWS_SESSION_TOKEN", hide_env_values = true, global = true, help_heading = "AWS")]
    pub(super) aws_session_token: Option<String>,
    /// A server that is compatible with S3, such as https://minio.example.com [default: AWS_ENDPOINT_URL, else AWS]
    #[arg(long, env = "AWS_ENDPOINT_URL_S3", hide_env_values = true, global = true, help_heading = "AWS")]
    pub(super) aws_endpoint_url_s3: Option<String>,
    /// Role whose temporary credentials a browser gets. Needed where AWS_ACCESS_KEY_ID is itself temporary
    /// [default: a federation token of AWS_ACCESS_KEY_ID's user]
    #[arg(long, env = "AWS_LIVENESS_ROLE_ARN", hide_env_values = true, global = true, help_heading = "AWS")]
    pub(super) aws_liveness_role_arn: Option<String>,
    /// What these allow: `start-and-results`, or `start-only`, which is all that AWS advises for a browser
    /// [default: start-and-results]
    #[arg(long, env = "AWS_CREDENTIALS_ACTIONS", hide_env_values = true, global = true, help_heading = "AWS")]
    pub(super) aws_credentials_actions: Option<String>,
    /// A server in the place of Rekognition [default: AWS_ENDPOINT_URL, else AWS]
    #[arg(long, env = "AWS_ENDPOINT_URL_REKOGNITION", hide_env_values = true, global = true, help_heading = "AWS")]
    pub(super) aws_endpoint_url_rekognition: Option<String>,
    /// A server in the place of STS [default: AWS_ENDPOINT_URL, else AWS]
    #[arg(long, env = "AWS_ENDPOINT_URL_STS", hide_env_values = true, global = true, help_heading = "AWS")]
    pub(super) aws_endpoint_url_sts: Option<String>,
    /// A server in the place of AWS, whatever the service.
    #[arg(long, env = "AWS_ENDPOINT_URL", hide_env_values = true, global = true, help_heading = "AWS")]
    pub(super) aws_endpoint_url: Option<String>,
    /// Set to `true` to reach that endpoint over plain http that is not on this machine: only within a network you trust
    #[arg(long, env = "AWS_ENDPOINT_ALLOW_HTTP", hide_env_values = true, global = true, help_heading = "AWS")]
    pub(super) aws_endpoint_allow_http: Option<String>,
}
