CREATE TABLE news (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  title varchar(255) NOT NULL,
  content text NOT NULL,
  author varchar(100) NOT NULL,
  author_id uuid,
  views int NOT NULL DEFAULT 0 CHECK (views >= 0),
  is_pinned boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX news_listed ON news (is_pinned DESC, created_at DESC);

CREATE TABLE admin_audit_logs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  admin_user_id uuid NOT NULL,
  action varchar(100) NOT NULL,
  resource_type varchar(50) NOT NULL,
  resource_id uuid,
  request_summary text,
  response_status int NOT NULL,
  ip_address varchar(45),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX admin_audit_logs_admin ON admin_audit_logs (admin_user_id);
CREATE INDEX admin_audit_logs_time ON admin_audit_logs (created_at);
CREATE INDEX admin_audit_logs_action ON admin_audit_logs (action);
