# Rails: FILE is what stands in config/environments. The railtie gives each of these settings to ActionMailer::Base.
require_relative "action_mailer"

config = Struct.new(:action_mailer).new(ActionMailer::Base)
eval(File.read(ARGV[0]), binding, ARGV[0])
send_all
